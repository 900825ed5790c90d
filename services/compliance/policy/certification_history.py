"""When one person is certified for one product, derived again only from what changed (R24, R25, R26, R37)."""

from collections.abc import Sequence
from datetime import datetime

from services.compliance.policy.certified_periods import (
    CertifiedPeriod,
    Obligation,
    lapses,
    obliged_periods,
    united_periods,
    valid_periods,
)
from services.compliance.policy.first_difference import first_difference
from shared.events.facts import GrantStatement, Period


class CertificationHistory:
    """The statements about one person and product, and when the person is certified by them.

    `grants`, `completions`: the last statement of each, by its id and that of the portal change. `certified`: when the
    person is certified, in order. `lapsing`: whether one of them ends because maintenance was not finished. Both are as
    of the last `refresh`.
    """

    __slots__ = ("_changed", "_further", "_valid", "certified", "completions", "grants", "lapsing")

    def __init__(self) -> None:
        self.grants: dict[str, GrantStatement] = {}
        self.completions: dict[str, Sequence[Period]] = {}
        self.certified: list[CertifiedPeriod] = []
        self.lapsing = False
        self._valid: dict[str, Sequence[CertifiedPeriod]] = {}
        self._changed: set[str] = set()
        self._further: list[Obligation] = []

    def granted(self, grant: GrantStatement) -> None:
        """The last statement of a grant wins."""
        self.grants[grant.grant_id] = grant
        self._changed.add(grant.grant_id)

    def completed(self, portal_change_id: str, periods: Sequence[Period]) -> None:
        """The last statement of a maintenance completion wins."""
        self.completions[portal_change_id] = periods
        self._changed.update(self.grants)

    def obliged(self, obligation: Obligation) -> None:
        """Adds an obligation that comes after all others."""
        self._further.append(obligation)

    def obligations_changed(self) -> None:
        """Takes note that the obligations have changed."""
        self._changed.update(self.grants)

    def refresh(self, obligations: Sequence[Obligation]) -> datetime | None:
        """Derives the periods again. `obligations`: of the product, in order.

        Returns the first instant at which the periods differ from before; None: they are the same.
        """
        if not self._changed and not self._further:
            return None
        changed, self._changed = self._changed, set()
        further, self._further = self._further, []
        valid = self._valid
        adds_only = len(changed) == 1 and not further and valid.keys().isdisjoint(changed)
        for grant_id in changed:
            valid[grant_id] = valid_periods(self.grants[grant_id], obligations, self.completions)
        for grant_id in valid.keys() - changed if further else ():
            valid[grant_id] = obliged_periods(valid[grant_id], self.grants[grant_id], further, self.completions)
        if adds_only and all(_within(period, self.certified) for grant_id in changed for period in valid[grant_id]):
            return None
        before = self.certified
        self.certified = united_periods([period for of_grant in valid.values() for period in of_grant])
        self.lapsing = any(period.lapsed for period in self.certified)
        return first_difference(before, self.certified)

    def lapses(self, obligations: Sequence[Obligation]) -> list[CertifiedPeriod]:
        """When unfinished maintenance alone makes a grant invalid. `obligations`: of the product, in order."""
        return lapses(self.grants.values(), obligations, self.completions)

    def periods(self) -> list[Period]:
        """When each grant holds, without regard to maintenance."""
        return [period for grant in self.grants.values() for period in grant.periods]


def _within(period: CertifiedPeriod, periods: Sequence[CertifiedPeriod]) -> bool:
    """Whether the period starts and ends inside one of these, and so adds nothing."""
    for known in reversed(periods):
        if known.start < period.start:
            return known.end is None or (period.end is not None and period.end < known.end)
    return False
