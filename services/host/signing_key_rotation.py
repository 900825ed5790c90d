"""Rotates the signing key of the sealed logs: the change is a fact, recorded by the owner of the log."""

import asyncio
from typing import Final

from services.audit import sealed_log
from services.audit.database import connect
from services.audit.files_beside_database import KeyDirectory
from services.audit.key_rotations import rotation_to
from services.audit.note import public_bytes
from services.audit.sealed_log import LogName
from services.audit.settings import AuditSettings
from services.certification.event_store.database import Database
from services.certification.event_store.store import EventStore
from services.host.api_keys.key_commands import append_request, fact_of_the_owner
from services.web.database_connections import terminating
from shared.events.channels import FACTS_CHANNEL
from shared.events.system_facts import SIGNING_KEY, SigningKeyRotated

SECONDS_MAX: Final = 10.0


class RotationRefused(Exception):
    """The present key is not here, or an earlier rotation is not sealed; says what to do."""


def rotate(owner_url: str, settings: AuditSettings) -> str:
    """Makes a key and records the rotation to it; returns the id of the fact.

    Raises `RotationRefused`, `KeyDirectoryError` and `Unavailable`.
    """
    return asyncio.run(_rotate(owner_url, settings))


async def _rotate(owner_url: str, settings: AuditSettings) -> str:
    rotation, seen = await _prepared(settings)
    fact = fact_of_the_owner(rotation)
    async with Database(owner_url, None, 1, SECONDS_MAX) as database, EventStore(database) as store:
        outcome = await store.append(append_request(fact, SIGNING_KEY.prefix + rotation.log_id, seen))
        if outcome.outcome not in ("recorded", "replayed"):
            raise RotationRefused("Another rotation came first: check which key signs now, then try again.")
        await database.select(f"NOTIFY {FACTS_CHANNEL}")
    return fact.fact_id


async def _prepared(settings: AuditSettings) -> tuple[SigningKeyRotated, int]:
    """The rotation, and how many there were before it."""
    directory = KeyDirectory(settings.directory)
    async with terminating(connect(settings)) as connection:
        origin = (await sealed_log.log_head(connection, LogName.FACTS)).origin
        installed = await sealed_log.installed_keys(connection)
        seen = len(await sealed_log.rotations(connection, origin))
    if not installed:
        raise RotationRefused("Nothing is sealed yet: the sealer creates the first key.")
    if seen != len(installed) - 1:
        raise RotationRefused("The last rotation is not sealed yet: does the sealer run (`sagecert audit seal`)?")
    present = directory.signing_key(installed[-1].public_key)
    if present is None:
        raise RotationRefused(
            f"{directory.path} does not hold the key that signs now: run this where the sealer keeps its directory."
        )
    return rotation_to(sealed_log.log_id(origin), public_bytes(directory.make_signing_key()), present), seen
