"""Kind and programme of one partner, from instant to instant (R10, R11, R28)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sagecert_verify.derive.linking import CLOSED, MERGED, Fates
from sagecert_verify.derive.logged_fact import LoggedFact


class Enrolment(NamedTuple):
    """What holds from an instant on; `kind` is None until a fact gives it."""

    at: datetime
    kind: str | None
    programme: str | None


def enrolments(own: Iterable[LoggedFact], partner: str, fates: Mapping[datetime, Fates]) -> list[Enrolment]:
    """The instants at which a fact about the partner takes effect; of one instant the later recorded fact holds (R35).

    `own`: the facts in force that name the partner's kind, programme, closure or merger.
    """
    history: list[Enrolment] = []
    kind: str | None = None
    programme: str | None = None
    for fact in sorted(own, key=lambda fact: (fact.effective_at, fact.position)):
        kind = fact.data.get("kind", kind)
        programme = fact.data.get("programme", programme)
        if fact.kind == CLOSED or (fact.kind == MERGED and fates[fact.effective_at].get(partner) is not None):
            programme = None
        if history and history[-1].at == fact.effective_at:
            history.pop()
        history.append(Enrolment(fact.effective_at, kind, programme))
    return history
