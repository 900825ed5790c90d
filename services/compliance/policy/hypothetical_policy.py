"""The standings of a partner under another policy: a hypothetical revision among the known facts (R39)."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from services.compliance.policy.answers_from_facts import partner_segment
from services.compliance.policy.learned_changes import KnownStandings
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.reason import Reason
from shared.events.compliance_events import Standing, Status, Suspension, Window
from shared.events.envelope import Fact
from shared.events.facts import Minimum, PolicyRevised

HYPOTHETICAL_ID: Final = "what-if"
"""The policy id of the revision, and the id of its fact: no fact has it."""
FROM_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
_POSITION: Final = 2**62


class HypotheticalRevision(msgspec.Struct, frozen=True):
    """The terms of another policy and since when they hold; None: a term stays as it is."""

    window_days: int | None = None
    minimum: Minimum | None = None
    programmes: tuple[str, ...] | None = None
    effective_from: datetime = FROM_EVER

    def fact(self) -> Fact:
        """The revision as a fact recorded after every other: of one instant it wins."""
        data = PolicyRevised(HYPOTHETICAL_ID, self.window_days, self.minimum, self.programmes)
        since = self.effective_from
        return Fact(HYPOTHETICAL_ID, since, since, data, position=_POSITION, append_position=_POSITION)


class DifferingWindow(msgspec.Struct, frozen=True):
    """A window that the other policy does not have like this."""

    opened_at: datetime
    deadline_on: date
    deadline_at: datetime
    closed_at: datetime | None
    outcome: str


class DifferingStanding(msgspec.Struct, frozen=True):
    """How the partner stands in one of two cases; of windows and suspensions only those that the other has not."""

    status: Status
    sell_new: bool
    maintain_existing: bool
    headcount: int
    minimum: int | None
    shortfall: int | None
    windows: tuple[DifferingWindow, ...]
    suspensions: tuple[Suspension, ...]
    reasons: tuple[Reason, ...]


class WhatIfDifference(msgspec.Struct, frozen=True):
    """A partner and product whose standing differs, as it is and as it would be."""

    partner_id: str
    product: str
    actual: DifferingStanding
    hypothetical: DifferingStanding


def what_if_differences(
    facts: Sequence[Fact], partner_id: str, at: datetime, parameters: Parameters, revision: Fact
) -> list[WhatIfDifference]:
    """The products for which the partner would have another standing at `at`, past windows and suspensions included.

    `facts`: those routed to the partner, in log order. `revision`: the hypothetical one.
    """
    known = KnownStandings(partner_id, at, parameters)
    known.add(facts)
    actual = known.standings()
    if not known.add([revision]):
        return []
    hypothetical = known.standings()
    return [
        WhatIfDifference(
            partner_id,
            product,
            differing_standing(standing, hypothetical[product], _reasons(facts, partner_id, product, at, parameters)),
            differing_standing(
                hypothetical[product], standing, _reasons([*facts, revision], partner_id, product, at, parameters)
            ),
        )
        for product, standing in actual.items()
        if shown_standing(standing) != shown_standing(hypothetical[product])
    ]


def _reasons(
    facts: Iterable[Fact], partner_id: str, product: str, at: datetime, parameters: Parameters
) -> tuple[Reason, ...]:
    segment = partner_segment(facts, partner_id, product, at, parameters)
    return () if segment is None else segment.reasons


def shown_standing(standing: Standing) -> tuple[object, ...]:
    """All of a standing but the ids of policies, which differ wherever the hypothetical one holds."""
    summary = standing.status, standing.headcount, standing.minimum, standing.shortfall
    return *summary, tuple(map(_window, standing.windows)), standing.suspensions


def _window(window: Window) -> DifferingWindow:
    return DifferingWindow(window.opened_at, window.deadline_on, window.deadline_at, window.closed_at, window.outcome)


def differing_standing(standing: Standing, other: Standing, reasons: tuple[Reason, ...]) -> DifferingStanding:
    """The standing, with those of its windows and suspensions that the other one does not have."""
    others = set(map(_window, other.windows))
    return DifferingStanding(
        status=standing.status,
        sell_new=standing.sell_new,
        maintain_existing=standing.maintain_existing,
        headcount=standing.headcount,
        minimum=standing.minimum,
        shortfall=standing.shortfall,
        windows=tuple(window for window in map(_window, standing.windows) if window not in others),
        suspensions=tuple(period for period in standing.suspensions if period not in other.suspensions),
        reasons=reasons,
    )
