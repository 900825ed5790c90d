"""The whole system under one origin: one process serves; the follower, the dispatcher and the sealer are three more."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from pydantic import SecretStr

from services.audit.settings import AuditSettings
from services.certification.settings import CertificationSettings
from services.compliance.reminders.settings import MailSettings
from services.compliance.settings import ComplianceSettings
from services.console.settings import ConsoleSettings
from services.host.database_urls_and_roles import Databases
from services.host.log_check_wiring import audit_settings
from services.host.supervisor import Part

if TYPE_CHECKING:
    from services.host.gateway import Gateway

_NOT_FOR_PARTS: Final = ("DATABASE_URL", "SAGECERT_API_KEY")
"""Variables that a part does not inherit, because it does not need their rights."""
_MAIL: Final = "SAGECERT_MAIL_"
"""The prefix of variables for the dispatcher alone."""


class Settings(NamedTuple):
    """The settings of each service; values that are not given here come from the environment."""

    certification: CertificationSettings
    compliance: ComplianceSettings
    audit: AuditSettings


def settings(
    databases: Databases, *, sandboxed: bool, webhook_key: Callable[[], SecretStr], data_directory: Path
) -> Settings:
    """The settings of the system on these databases. Raises `pydantic.ValidationError`.

    `webhook_key`: called for the key that seals webhook secrets, if the environment has none. `data_directory`: beside
    which the signing key of the sealer lies, if the environment names no other directory.
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
    MailSettings()  # a mistake is told here, not by the dispatcher
    audit = audit_settings(
        SecretStr(databases.auditor_url), data_directory, database_role=databases.auditor_role, sandbox=sandboxed
    )
    return Settings(certification, compliance, audit)


def background(system: Settings, databases: Databases) -> list[Part]:
    """The processes beside the serving one. Each gets only the settings that it needs, in its environment."""
    compliance = system.compliance
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_FOR_PARTS
        and not name.endswith(("_DATABASE_URL", "_DATABASE_ROLE", "_WEBHOOK_KEYS"))
        and not name.startswith(_MAIL)
    }
    mail = {name: value for name, value in os.environ.items() if name.startswith(_MAIL)}
    common = {
        **inherited,
        "SAGECERT_SANDBOX": str(compliance.sandbox).lower(),
        "SAGECERT_AUDIT_DIRECTORY": str(system.audit.directory),
    }
    keys = msgspec.json.encode([key.get_secret_value() for key in compliance.webhook_keys]).decode()
    follower = _connected("FOLLOWER", databases.follower_url, databases.follower_role)
    dispatcher = _connected("DISPATCHER", databases.dispatcher_url, databases.dispatcher_role)
    sealer = _connected("SEALER", databases.sealer_url, databases.sealer_role)
    return [
        _part("follower", {**common, **follower}),
        _part("dispatcher", {**common, **mail, **dispatcher, "SAGECERT_COMPLIANCE_WEBHOOK_KEYS": keys}),
        _part("sealer", {**common, **sealer}),
    ]


def _connected(name: str, url: str, role: str | None) -> dict[str, str]:
    taken_on = {f"SAGECERT_{name}_DATABASE_ROLE": role} if role else {}
    return {f"SAGECERT_{name}_DATABASE_URL": url, **taken_on}


def _part(name: str, environment: Mapping[str, str]) -> Part:
    return Part(name, ("-m", "services.host.background_main", name), environment)


def create(system: Settings, owner_url: str, *, bootstrap: SecretStr | None, keyless: bool) -> "Gateway":
    """The applications under one origin, with the sandbox, as owner of the database, if it is on.

    `bootstrap`, `keyless`: see `KeyRing`.
    """
    from services.audit.answer_proofs import AnswerProofs
    from services.audit.app import create_app as create_audit
    from services.certification.app import create_app as create_certification
    from services.compliance.app import create_app as create_compliance
    from services.console.app import create_app as create_console
    from services.host.api_keys.key_ring import KeyRing
    from services.host.gateway import Gateway
    from services.host.wall_clock import wall_clock
    from services.web.rebinding_guard import LocalNames

    sandboxed = system.compliance.sandbox
    apps = {
        "certification": create_certification(system.certification),
        "compliance": create_compliance(system.compliance, wall_clock, AnswerProofs(system.audit)),
        "audit": create_audit(system.audit),
    }
    if sandboxed:
        from services.host import sandbox

        apps["sandbox"] = sandbox.create_app(owner_url)
    log = system.certification
    keys = KeyRing(log.database_url, log.database_role, bootstrap=bootstrap, keyless=keyless)
    pages = ConsoleSettings()
    return Gateway(
        apps,
        keys=keys,
        sandbox=sandboxed,
        console=lambda services: create_console(pages, services),
        names=LocalNames(pages.public_names),
    )
