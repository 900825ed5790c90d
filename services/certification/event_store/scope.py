"""How much of the log a decision may depend on."""

from datetime import datetime
from typing import Final, Literal, NamedTuple


class Scope(NamedTuple):
    """What a decision is about, and so what it may depend on; `load.sql` says what each means."""

    consultant_id: str | None = None
    originator_id: str | None = None
    fact_id: str | None = None
    product: str | None = None
    portal_change_id: str | None = None
    effective_at: datetime | None = None
    extent: Literal["part", "course", "whole"] = "part"

    @property
    def of_recognition(self) -> bool:
        """Whether nothing matters but a later revocation: a person is recognised, and no stream or fact is named."""
        return (
            self.extent == "part"
            and self.consultant_id is not None
            and self.originator_id is None
            and self.fact_id is None
            and self.portal_change_id is None
        )


NOTHING: Final = Scope()
"""The scope of no decision: only what the key stands for is loaded."""
