"""The moment of a view: *true at* and *known at*, as its address says."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from shared.events.london import LONDON


class AsOfView(NamedTuple):
    """`at`: true when. `known_at`, `known_position`: by what was known when. None: now."""

    at: str | None = None
    known_at: str | None = None
    known_position: str | None = None

    @property
    def params(self) -> dict[str, str]:
        """The parameters of a question for this moment."""
        return {name: value for name, value in self._asdict().items() if value}

    @property
    def live(self) -> bool:
        """Whether it is the present, by all that is known."""
        return not self.params


def view_of(query: Mapping[str, str]) -> AsOfView:
    """The moment that an address names. Of `known_at` and `known_position`, the position goes first."""
    position = query.get("known_position") or None
    known_at = None if position else instant_of(query.get("known_at"))
    return AsOfView(instant_of(query.get("at")), known_at, position)


def instant_of(text: str | None) -> str | None:
    """An instant as questions take it: a time without a zone is London's. Other text stays, for a service to refuse."""
    if not text or not text.strip():
        return None
    written = text.strip().replace(" ", "+")  # the plus of an offset, decoded
    try:
        parsed = datetime.fromisoformat(written)
    except ValueError:
        return text.strip()
    if parsed.tzinfo is not None:
        return written
    return parsed.replace(tzinfo=LONDON).astimezone(UTC).isoformat().replace("+00:00", "Z")
