"""The whole system in this process, with the keys of a database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final, TypedDict, TypeVar, Unpack

import httpx
from cryptography.fernet import Fernet
from pydantic import SecretStr

from services.audit.settings import AuditSettings
from services.certification.settings import CertificationSettings
from services.compliance.settings import ComplianceSettings
from services.host import system
from services.host.api_keys.key_commands import NewKey, issue_key, revoke_keys
from services.host.gateway import Gateway
from services.web.scopes import Scope
from tests.databases import Database

_Result = TypeVar("_Result")

SECONDS_MAX: Final = 20
BOOTSTRAP: Final = "an-example-of-a-key-that-an-owner-chose-0123456789"


class Options(TypedDict, total=False):
    """How the system is started, where that is not the default of `running`."""

    bootstrap: str | None
    keyless: bool
    sandbox: bool
    webhooks: bool
    claim_queue_max: int


@asynccontextmanager
async def served(database: Database, **options: Unpack[Options]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the system, which sends no key."""
    async with (
        running(database, **options) as gateway,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(gateway, raise_app_exceptions=False), base_url="http://localhost"
        ) as http,
    ):
        yield http


@asynccontextmanager
async def running(
    database: Database,
    *,
    bootstrap: str | None = None,
    keyless: bool = True,
    sandbox: bool = False,
    webhooks: bool = False,
    claim_queue_max: int = 1000,
) -> AsyncIterator[Gateway]:
    """The whole system, without a server."""
    settings = system.Settings(
        CertificationSettings(database_url=SecretStr(database.certification_url), sandbox=sandbox),
        ComplianceSettings(
            database_url=SecretStr(database.compliance_url),
            sandbox=sandbox,
            claim_queue_max=claim_queue_max,
            webhook_keys=(SecretStr(Fernet.generate_key().decode()),) if webhooks else (),
        ),
        AuditSettings(database_url=SecretStr(database.auditor_url), sandbox=sandbox),
    )
    chosen = None if bootstrap is None else SecretStr(bootstrap)
    gateway = system.create(settings, database.owner_url, bootstrap=chosen, keyless=keyless)
    async with gateway.running():
        yield gateway
        gateway.stop()


def apart(command: Callable[[], _Result]) -> _Result:
    """Runs a command as another process would: on an event loop of its own."""
    with ThreadPoolExecutor(1) as another:
        return another.submit(command).result()


def issued(database: Database, name: str, *scopes: Scope, rotate: bool = False) -> NewKey:
    """A new key of the database."""
    return apart(lambda: issue_key(database.owner_url, name, scopes, rotate=rotate))


def revoked(database: Database, name: str, *, superseded: bool = False) -> int:
    """How many keys of the name were revoked."""
    return apart(lambda: revoke_keys(database.owner_url, name, superseded=superseded))


async def first(call: Callable[[], Awaitable[httpx.Response]], status: int) -> httpx.Response:
    """The first answer with this status; the test fails if none comes."""
    async with asyncio.timeout(SECONDS_MAX):
        while (answer := await call()).status_code != status:  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.02)
    return answer


def bearer(key: str | NewKey) -> dict[str, str]:
    """The header that sends the key."""
    return {"Authorization": f"Bearer {key.text if isinstance(key, NewKey) else key}"}


async def link(
    http: httpx.AsyncClient, key: str | NewKey | None, idempotency_key: str, consultant_id: str = "C1"
) -> httpx.Response:
    """Records a fact."""
    headers = {"Idempotency-Key": idempotency_key, **({} if key is None else bearer(key))}
    path = "/certification/v1/partners/P1/consultants"
    return await http.post(path, json={"consultant_id": consultant_id}, headers=headers)


async def actors(http: httpx.AsyncClient, key: str | NewKey, fact_ids: Iterable[str]) -> list[Any]:
    """The actors of these facts."""
    paths = (f"/certification/v1/facts/{fact_id}" for fact_id in fact_ids)
    return [(await http.get(path, headers=bearer(key))).json()["actor"] for path in paths]
