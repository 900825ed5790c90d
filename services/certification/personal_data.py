"""Data that can name people, kept apart from the facts so that it can be erased."""

from hashlib import sha256
from typing import Final

import msgspec

from services.certification.event_store.database import Database


class FreeText(msgspec.Struct, frozen=True):
    """A text that comes with a fact. `salt` is erased with it: the hash in the fact then tells nothing any more."""

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
    """The profiles of consultants and the free texts of facts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def profile(self, consultant_id: str) -> Profile | None:
        """The profile; None where there is none, or none any more."""
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

    async def erase_text(self, fact_id: str) -> None:
        """Erases the free text of a fact and its salt, if there are any."""
        await self._database.select("DELETE FROM certification.free_text WHERE fact_id = $1", fact_id)
