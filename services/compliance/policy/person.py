"""One person, seen from one partner: when it is counted there, and what is to be told of it (R1, R9, R23, R26)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from services.compliance.policy.counting import Employment, employments
from services.compliance.policy.maintenance import Obligation, Span, certified_spans, lapses
from services.compliance.policy.windows import Announcement
from shared.events.envelope import Fact
from shared.events.facts import GrantStatement, Period


class Counted(msgspec.Struct, frozen=True):
    """Counted for the partner from `start` to `end` (exclusive; None: for ever), and what made it so (R9)."""

    start: datetime
    end: datetime | None
    start_facts: tuple[str, ...]
    end_facts: tuple[str, ...]


class PersonView(msgspec.Struct, frozen=True):
    """What follows for one person at one partner: when it is counted, per product, and what to announce of it."""

    counted: Mapping[str, Sequence[Counted]]
    announcements: tuple[Announcement, ...]


NOBODY: Final = PersonView({}, ())


class Person:
    """The unvoided facts about one person, and what follows from them, derived again only where they changed."""

    def __init__(self, consultant_id: str, partner_id: str) -> None:
        self._consultant_id = consultant_id
        self._partner_id = partner_id
        self._work: dict[str, Fact] = {}
        self._grants: dict[str, dict[str, GrantStatement]] = {}
        self._completions: dict[str, dict[str, Sequence[Period]]] = {}
        self._employments: list[Employment] | None = None
        self._tenures: list[Counted] = []
        self._dual_links: tuple[Announcement, ...] = ()
        self._derived: dict[str, tuple[list[Counted], list[Announcement]]] = {}

    # Facts -----------------------------------------------------------------------------------

    def work(self, fact: Fact) -> None:
        """A link or a departure."""
        self._work[fact.fact_id] = fact
        self.endings_changed()

    def unwork(self, fact_id: str) -> None:
        """The link or departure was voided (R33)."""
        del self._work[fact_id]
        self.endings_changed()

    def endings_changed(self) -> None:
        """A closure or merger of partners, too, can end or move a link (R29)."""
        self._employments = None
        self._derived.clear()

    def granted(self, grant: GrantStatement) -> None:
        """The last statement of a grant wins."""
        self._grants.setdefault(grant.product, {})[grant.grant_id] = grant
        self._derived.pop(grant.product, None)

    def completed(self, product: str, portal_change_id: str, periods: Sequence[Period]) -> None:
        """The last statement of a maintenance completion wins."""
        self._completions.setdefault(product, {})[portal_change_id] = periods
        self._derived.pop(product, None)

    def obligations_changed(self, products: Iterable[str], lapse_at: datetime) -> bool:
        """Whether other obligations for the products, from `lapse_at` on, can matter to when the person counts."""
        if self._employments is not None and all(one.end is not None and one.end <= lapse_at for one in self._tenures):
            return False
        held = [product for product in products if product in self._grants]
        for product in held:
            self._derived.pop(product, None)
        return bool(held)

    # What follows ----------------------------------------------------------------------------

    def employments(self, endings: Iterable[Fact]) -> list[Employment]:
        """Where the person is linked over time; `endings`: every closure and merger known."""
        if self._employments is None:
            self._employments = employments(self._work.values(), endings)
            self._tenures = _tenures(self._employments, self._partner_id)
            self._dual_links = _dual_links(self._employments, self._partner_id, self._consultant_id)
        return self._employments

    def spans(self, product: str, obligations: Sequence[Obligation]) -> list[Span]:
        """When the person is certified for the product."""
        grants = self._grants.get(product)
        if grants is None:
            return []
        return certified_spans(grants.values(), obligations, self._completions.get(product, {}))

    def lapses(self, product: str, obligations: Sequence[Obligation]) -> list[Span]:
        """When nothing but unfinished maintenance keeps a grant for the product from being valid."""
        grants = self._grants.get(product, {})
        return lapses(grants.values(), obligations, self._completions.get(product, {}))

    def periods(self, product: str) -> list[Period]:
        """When each grant for the product holds, maintenance left aside."""
        return [period for grant in self._grants.get(product, {}).values() for period in grant.periods]

    def view(self, endings: Iterable[Fact], obligations: Mapping[str, Sequence[Obligation]]) -> PersonView:
        """What follows for the person at the partner. `obligations`: of each product."""
        self.employments(endings)
        if not self._tenures and not self._dual_links:
            return NOBODY
        for product in self._grants:
            if product not in self._derived:
                spans = self.spans(product, obligations.get(product, ()))
                counted = _counted(self._tenures, spans)
                self._derived[product] = (counted, _lapses(self._consultant_id, product, counted, spans))
        announcements = list(self._dual_links)
        for product in sorted(self._derived):
            announcements += self._derived[product][1]
        return PersonView({product: counted for product, (counted, _) in self._derived.items()}, tuple(announcements))


def _tenures(work: Sequence[Employment], partner_id: str) -> list[Counted]:
    """When the person counts at the partner if certified, whatever other links come and go meanwhile."""
    found: list[Counted] = []
    for employment in work:
        here = employment.counts_for == partner_id
        running = bool(found) and found[-1].end is None
        if here and not running:
            found.append(Counted(employment.start, None, employment.facts, ()))
        elif running and not here:
            found[-1] = replace(found[-1], end=employment.start, end_facts=employment.facts)
    return found


def _dual_links(work: Sequence[Employment], partner_id: str, consultant_id: str) -> tuple[Announcement, ...]:
    """When the person begins and ceases to be linked to the partner and elsewhere at once (R23)."""
    found = []
    dual = False
    for employment in work:
        now = len(employment.linked) > 1 and partner_id in employment.linked
        if now != dual:
            name = "dual-link-detected" if now else "dual-link-cleared"
            found.append(Announcement(name, employment.start, None, consultant_id, 1))  # type: ignore[arg-type]
            dual = now
    return tuple(found)


def _counted(tenures: Sequence[Counted], spans: Sequence[Span]) -> list[Counted]:
    """Where a time that counts here and a certified span overlap (R1, R23)."""
    found = []
    for tenure in tenures:
        start, end = tenure.start, tenure.end
        for span in spans:
            if (span.end is not None and span.end <= start) or (end is not None and span.start >= end):
                continue
            leaves_first = end is not None and (span.end is None or end <= span.end)
            found.append(
                Counted(
                    max(start, span.start),
                    end if leaves_first else span.end,
                    tenure.start_facts + span.start_facts,
                    tenure.end_facts if leaves_first else span.end_facts,
                )
            )
    return found


def _lapses(consultant_id: str, product: str, counted: Sequence[Counted], spans: Sequence[Span]) -> list[Announcement]:
    """When a counted person's certification lapses for unfinished maintenance (R26)."""
    lapses = {span.end: span.end_facts for span in spans if span.lapsed}
    return [
        Announcement("certification-lapsed", one.end, product, consultant_id, 1)
        for one in counted
        if one.end is not None and lapses.get(one.end) == one.end_facts
    ]
