"""The keys that a serving process knows: read from the log, and kept current by notification and poll.

A call costs one digest and one look-up in memory. Keys that were not read lately are not believed: a database that
cannot be reached opens no door, and a revoked key stops within a second of its revocation.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from hmac import compare_digest
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec

from services.certification.domain.api_key import IssuedKey, issued_keys
from services.host.api_keys.errors import NoKeyYet
from services.host.api_keys.key_text import KEY_BYTES_MAX, digest_of, has_form, is_mistyped
from services.host.refused_request import RefusedRequest
from services.web.background_task import in_background
from services.web.database_connections import CONNECTION_LOST, terminating
from services.web.problem_details import RETRY_AFTER_SECONDS, TYPE_PREFIX, Problem
from services.web.reconnect import Backoff, keep_connected
from services.web.scopes import ALLOWS, BOOTSTRAP, LOCAL, Caller, Scope, allowed_by
from services.web.wakeup import wait_until_set
from shared.events import wire
from shared.events.channels import KEYS_CHANNEL

if TYPE_CHECKING:
    from pydantic import SecretStr

POLL_SECONDS: Final = 0.5
"""How long a change stays unseen where its notification was lost."""
BELIEVED_SECONDS: Final = 5.0
"""For how long after they were read the keys count as known."""
READ_SECONDS_MAX: Final = 2.0
RECONNECT_SECONDS_MAX: Final = 0.25
"""The longest wait before it tries to connect again: until it has, no caller is let in."""
FIRST_READ_SECONDS_MAX: Final = 3.0

KEY_FACTS: Final = Path(__file__).with_name("key_facts.sql").read_text(encoding="utf-8")
_CHANGES: Final = """
    SELECT count(*), max(e.notification_id) FROM certification.stored_events e
    WHERE e.topic IN ('com.sage.partnercloud.key-issued.v1', 'com.sage.partnercloud.key-revoked.v1')
"""
_SESSION: Final = {
    "application_name": "sagecert keys",
    "enable_seqscan": "off",
    "jit": "off",
    "idle_in_transaction_session_timeout": "30s",
}

_NONE_EVER: Final = (0, None)

NOT_AUTHENTICATED: Final = Problem(
    TYPE_PREFIX + "not-authenticated",
    "Not authenticated",
    401,
    "This system wants an API key: send the header Authorization: Bearer <key>.",
)
KEYS_UNKNOWN: Final = Problem(
    TYPE_PREFIX + "keys-unknown",
    "The keys cannot be checked",
    503,
    "The keys cannot be checked at present, because the database does not answer.",
)
_MISTYPED: Final = "The API key is mistyped: its checksum does not fit."
_NO_KEY: Final = "This is no API key of this system."
_NOT_IN_ADDRESSES: Final = (
    "Only a key of the scope calendars alone may stand in an address. Revoke this one: addresses are kept in many "
    "places."
)
_UNKNOWN: Final = "The API key is unknown here, or revoked."


_log: Final = logging.getLogger(__name__)


class KeyRing:
    """Belongs to one event loop. `url`, `role`: where the log is read; None: no keys are issued.

    `bootstrap`: the key of the setting `SAGECERT_API_KEY`. `keyless`: callers need no key as long as there never was
    any; for systems that listen on loopback only.
    """

    def __init__(
        self, url: "SecretStr | None", role: str | None, *, bootstrap: "SecretStr | None", keyless: bool
    ) -> None:
        self._url = url
        self._session = {**_SESSION, **({"role": role} if role else {})}
        self._bootstrap = None if bootstrap is None else digest_of(bootstrap.get_secret_value().encode())
        self._keyless = keyless and bootstrap is None
        self._callers: Mapping[bytes, Caller] = {}
        self._reading: dict[bytes | None, set[asyncio.Task[object]]] = {}
        self._changes: tuple[int, int | None] | None = _NONE_EVER if url is None else None
        self._read_at = float("-inf")
        self._first_read = asyncio.Event()
        self._failing = False

    def caller(self, authorization: bytes | None) -> Caller:
        """Who sends this `Authorization` header. Raises `RefusedRequest`: 401, or 503 if the keys are not known.

        Every wrong key takes the same time.
        """
        if self._keyless and self._changes == _NONE_EVER:
            self._assert_known()
            return LOCAL
        scheme, _, key = (authorization or b"").partition(b" ")
        key = key.strip()
        if scheme.lower() != b"bearer" or not key:
            self._assert_known()
            raise RefusedRequest(NOT_AUTHENTICATED, {"WWW-Authenticate": "Bearer"})
        if len(key) <= KEY_BYTES_MAX:
            digest = digest_of(key)
            if self._bootstrap is not None and compare_digest(digest, self._bootstrap):
                return BOOTSTRAP
            self._assert_known()
            caller = self._callers.get(digest)
            if caller is not None:
                return caller
        raise _invalid(_what_is_wrong(key))

    def caller_by_address(self, key: bytes) -> Caller:
        """Who sends this key in an address. Raises `RefusedRequest`, also for a key that allows more than calendars.

        An address is kept, shown and logged in places where no key belongs that could do more.
        """
        caller = self.caller(b"Bearer " + key)
        if caller is not LOCAL and caller.allowed != ALLOWS[Scope.CALENDARS]:
            raise _invalid(_NOT_IN_ADDRESSES)
        return caller

    @contextmanager
    def while_let_in(self, caller: Caller) -> Iterator[None]:
        """The call of the running task, which ends when the caller is no longer let in.

        Raises `RefusedRequest` then.
        """
        task = asyncio.current_task()
        if task is None or caller is BOOTSTRAP:
            yield
            return
        calls = self._reading.setdefault(caller.digest, set())
        calls.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self._lets_in(caller.digest):
                raise
            task.uncancel()
            raise _invalid(_UNKNOWN) from None
        finally:
            calls.discard(task)
            if not calls:
                self._reading.pop(caller.digest, None)

    def _lets_in(self, digest: bytes | None) -> bool:
        """Whether a caller with this key, or (None) without one, is still let in."""
        return self._changes == _NONE_EVER if digest is None else digest in self._callers

    def _end_calls(self) -> None:
        """Cancels the calls of callers who are no longer let in."""
        for digest, calls in self._reading.items():
            if not self._lets_in(digest):
                for task in calls:
                    task.cancel()

    def _assert_known(self) -> None:
        if self._url is not None and monotonic() - self._read_at > BELIEVED_SECONDS:
            raise RefusedRequest(KEYS_UNKNOWN, {"Retry-After": str(RETRY_AFTER_SECONDS)})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps the keys current while the context lasts; begins once they were read, or the database does not answer.

        Raises `NoKeyYet`.
        """
        if self._url is None:
            yield
            return
        async with in_background(keep_connected(self._follow, self._failed, RECONNECT_SECONDS_MAX)):
            read = await wait_until_set(self._first_read, FIRST_READ_SECONDS_MAX)
            if read and not self._keyless and self._bootstrap is None and not self._callers:
                raise NoKeyYet
            yield

    async def _follow(self, backoff: Backoff) -> None:
        assert self._url is not None, "without a database there is nothing to follow"
        url, changed = self._url.get_secret_value(), asyncio.Event()
        connecting = asyncpg.connect(url, server_settings=self._session, timeout=READ_SECONDS_MAX)
        async with terminating(connecting, {KEYS_CHANNEL: lambda *_: changed.set()}) as connection:
            connection.add_termination_listener(lambda _: changed.set())
            while True:
                changed.clear()
                await self._read(connection)
                backoff.reset()
                await wait_until_set(changed, POLL_SECONDS)

    async def _read(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        began_at = monotonic()
        count, last = await connection.fetchrow(_CHANGES, timeout=READ_SECONDS_MAX) or (0, None)
        if (count, last) != self._changes:
            rows = await connection.fetch(KEY_FACTS, timeout=READ_SECONDS_MAX)
            self._callers = callers_of(issued_keys(wire.decode(*row) for row in rows))
            self._changes = (count, last)
            self._end_calls()
        self._read_at = began_at
        self._failing = False
        self._first_read.set()

    def _failed(self, problem: Exception, _: Backoff) -> None:
        if not isinstance(problem, CONNECTION_LOST):
            raise problem
        if not self._failing:
            _log.warning("the keys cannot be read; trying again: %s", type(problem).__name__)
        self._failing = True


def callers_of(keys: list[IssuedKey]) -> dict[bytes, Caller]:
    """The caller behind the digest of each key in force. Scopes that this version does not know allow nothing."""
    known = frozenset(Scope)
    return {
        key.digest: Caller(key.key_name, allowed_by(Scope(scope) for scope in key.scopes if scope in known), key.digest)
        for key in keys
        if key.revoked_at is None
    }


NO_KEYS: Final = KeyRing(None, None, bootstrap=None, keyless=True)
"""Every caller is `local`: for an application without a server."""


def _invalid(detail: str) -> RefusedRequest:
    problem = msgspec.structs.replace(NOT_AUTHENTICATED, detail=detail)
    return RefusedRequest(problem, {"WWW-Authenticate": 'Bearer error="invalid_token"'})


def _what_is_wrong(key: bytes) -> str:
    if not has_form(key):
        return _NO_KEY
    return _MISTYPED if is_mistyped(key) else _UNKNOWN
