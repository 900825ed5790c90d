"""The verdict on a claim: whether the answer was right."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from services.compliance.policy.answers_from_facts import partner_forecast
from services.compliance.policy.parameters import Parameters
from shared.events.compliance_events import Standing
from shared.events.envelope import Fact

Verdict = Literal["correct", "justified", "wrong"]
"""`correct`: right by what is known now. `justified`: right only by what was known then. `wrong`: not even that."""


def verdict(*, claimed: bool, now: bool | None, then: bool | None) -> Verdict:
    """The verdict on a claim. `now`, `then`: what the facts known now, and then, say; None: nothing."""
    if claimed == now:
        return "correct"
    return "justified" if claimed == then else "wrong"


def standings_at(
    facts: Sequence[Fact], partner_id: str, product: str, instants: Iterable[datetime], parameters: Parameters
) -> Iterator[tuple[datetime, Standing | None]]:
    """How the partner stands at each instant by these facts, in order, with one derivation; None: never mentioned."""
    ordered = sorted(set(instants))
    if not ordered:
        return
    segments = partner_forecast(facts, partner_id, product, ordered[0], parameters)
    segment = next(segments, None)
    following = next(segments, None)
    for instant in ordered:
        while following is not None and following.valid_from <= instant:
            segment, following = following, next(segments, None)
        yield instant, None if segment is None else segment.standing
