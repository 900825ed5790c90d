"""Data that can name people, kept apart from the facts so that it can be erased."""

from hashlib import sha256
from typing import Final

import msgspec

from services.certification.event_store.database import Database

_ERASE_PARTNER_PROFILE: Final = """
    WITH erased AS (DELETE FROM certification.partner_profile WHERE partner_id = $1)
    DELETE FROM certification.free_text t USING certification.stored_events e
    WHERE e.partner_id = $1 AND e.topic = 'com.sage.partnercloud.partner-enrolled.v1' AND t.fact_id = e.fact_id
"""

_ERASE_TEXT: Final = """
    WITH erased AS (DELETE FROM certification.free_text WHERE fact_id = $1)
    DELETE FROM certification.partner_profile WHERE fact_id = $1
"""


class FreeText(msgspec.Struct, frozen=True):
    """A text that comes with a fact. `salt` is erased with it: the hash in the fact then reveals nothing."""

    text: str | None
    salt: bytes

    @property
    def hash(self) -> str | None:
        """SHA-256 over salt and text, in hexadecimal: what the fact holds of it."""
        return None if self.text is None else sha256(self.salt + self.text.encode()).hexdigest()


NO_TEXT: Final = FreeText(None, b"")


class Profile(msgspec.Struct, frozen=True):
    """Who a consultant is."""

    name: str
    email: str


class PersonalData:
    """The profiles of partners and consultants, and the free texts of facts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def profile(self, consultant_id: str) -> Profile | None:
        """The profile; None if there is none, or none any more."""
        rows = await self._database.select(
            "SELECT name, email FROM certification.profile WHERE consultant_id = $1", consultant_id
        )
        return Profile(*rows[0]) if rows else None

    async def keep(self, consultant_id: str, profile: Profile) -> None:
        """Keeps the profile in place of an earlier one."""
        await self._database.select(
            """
            INSERT INTO certification.profile (consultant_id, name, email) VALUES ($1, $2, $3)
            ON CONFLICT (consultant_id) DO UPDATE SET name = excluded.name, email = excluded.email
            """,
            consultant_id,
            profile.name,
            profile.email,
        )

    async def erase_profile(self, consultant_id: str) -> None:
        """Erases the profile, if there is one."""
        await self._database.select("DELETE FROM certification.profile WHERE consultant_id = $1", consultant_id)

    async def partner_name(self, partner_id: str) -> str | None:
        """The name of the partner; None if it has none, or none any more."""
        rows = await self._database.select(
            "SELECT name FROM certification.partner_profile WHERE partner_id = $1", partner_id
        )
        return rows[0][0] if rows else None

    async def keep_partner_name(self, partner_id: str, name: str) -> None:
        """Keeps the name in place of an earlier one, whether or not an enrolment gave that."""
        await self._database.select(
            """
            INSERT INTO certification.partner_profile (partner_id, name) VALUES ($1, $2)
            ON CONFLICT (partner_id) DO UPDATE SET name = excluded.name, fact_id = NULL
            """,
            partner_id,
            name,
        )

    async def erase_partner_profile(self, partner_id: str) -> None:
        """Erases the name, if there is one, and the salts of the enrolments that gave one."""
        await self._database.select(_ERASE_PARTNER_PROFILE, partner_id)

    async def erase_text(self, fact_id: str) -> None:
        """Erases the free text of a fact and its salt, if there are any; of an enrolment, the name that it gave."""
        await self._database.select(_ERASE_TEXT, fact_id)
