"""The part of the log on which a decision may depend."""

from datetime import datetime
from typing import Final, Literal, NamedTuple


class Scope(NamedTuple):
    """The subjects of a decision, which bound the facts it may depend on: the parameters of `load_for_decision.sql`."""

    consultant_id: str | None = None
    originator_id: str | None = None
    fact_id: str | None = None
    product: str | None = None
    portal_change_id: str | None = None
    effective_at: datetime | None = None
    extent: Literal["part", "course", "whole"] = "part"

    @property
    def of_recognition(self) -> bool:
        """Whether only a later revocation matters: a person is recognised, and no stream or fact is named."""
        return (
            self.extent == "part"
            and self.consultant_id is not None
            and self.originator_id is None
            and self.fact_id is None
            and self.portal_change_id is None
        )


NOTHING: Final = Scope()
"""The empty scope: only the fact recorded under the key is loaded."""
