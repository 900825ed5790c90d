"""The whole system under one origin in one process: both services, follower, dispatcher, the sandbox if it is on."""

import asyncio
from collections.abc import Callable

from pydantic import SecretStr

from services import sandbox
from services.certification.app import create_app as create_certification
from services.certification.settings import CertificationSettings
from services.compliance.app import create_app as create_compliance
from services.compliance.projection.follower import Follower
from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.dispatcher import Dispatcher
from services.composition import Composition
from services.databases import Databases
from services.wall_clock import wall_clock


def create(
    databases: Databases, *, api_key: str | None, sandboxed: bool, webhook_key: Callable[[], SecretStr]
) -> Composition:
    """The system on these databases. Other settings of the parts come from the environment, as when they run apart.

    `webhook_key`: asked for the key that seals secrets of webhook endpoints, where the environment has none.
    """
    certification = CertificationSettings(
        database_url=SecretStr(databases.certification_url),
        database_role=databases.certification_role,
        sandbox=sandboxed,
    )
    compliance = ComplianceSettings(
        database_url=SecretStr(databases.compliance_url),
        database_role=databases.compliance_role,
        sandbox=sandboxed,
    )
    if not compliance.webhook_keys:
        compliance = compliance.model_copy(update={"webhook_keys": (webhook_key(),)})
    apps = {
        "certification": create_certification(certification),
        "compliance": create_compliance(compliance, wall_clock),
    }
    if sandboxed:
        apps["sandbox"] = sandbox.create_app(databases.owner_url)
    return Composition(apps, api_key=api_key, sandbox=sandboxed, background=lambda: _background(compliance))


async def _background(settings: ComplianceSettings) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(Follower(settings).run())
        tasks.create_task(Dispatcher(settings, wall_clock).run())
