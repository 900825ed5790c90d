"""Wires the audit trail to the rest: what derives from the logs asks it whether they are still what was sealed."""

import asyncio
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.audit.alteration_watch import AlterationWatch, refuse_altered_logs
from services.audit.answer_proofs import AnswerProofs
from services.audit.settings import AuditSettings
from services.compliance.database import READING_ROLE
from services.compliance.settings import ComplianceSettings


def audit_settings(database_url: SecretStr, data_directory: Path | None, **more: Any) -> AuditSettings:
    """The settings of the audit trail on a database. Its directory is `audit` in the data directory, unless it is set.

    Raises `pydantic.ValidationError`.
    """
    settings = AuditSettings(database_url=database_url, **more)
    if data_directory is None or "directory" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"directory": data_directory.absolute() / "audit"})


def refuse_altered(settings: AuditSettings) -> None:
    """Refuses to start on logs that are shorter than what was sealed, or sealed by another key. Raises `LogAltered`.

    It looks at no entry: the follower hashes them all before it derives anything.
    """
    asyncio.run(refuse_altered_logs(settings))


def log_check(settings: ComplianceSettings, data_directory: Path | None = None) -> AlterationWatch:
    """A check on the database of a part of compliance, with its role, for as long as the process runs."""
    return AlterationWatch(_as_auditor(settings, data_directory), resumes=True)


def fact_proofs(settings: ComplianceSettings) -> AnswerProofs:
    """What proves the facts that compliance names, read with the role of what only reads."""
    return AnswerProofs(_as_auditor(settings, None), READING_ROLE)


def _as_auditor(settings: ComplianceSettings, data_directory: Path | None) -> AuditSettings:
    return audit_settings(
        settings.database_url,
        data_directory,
        database_role=settings.database_role,
        database_schema=settings.database_schema,
        sandbox=settings.sandbox,
    )
