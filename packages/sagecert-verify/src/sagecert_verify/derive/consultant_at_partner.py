"""One consultant as a partner sees them: where they count, for which products, and what lapses (R23, R25, R26)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sagecert_verify.derive.linking import LEFT, LINKED, Fates, links_of
from sagecert_verify.derive.logged_fact import LoggedFact, instant_of
from sagecert_verify.derive.spans import Span, both, holds, union, without

GRANTED: Final = ("consultant-certified", "certification-revoked")
MAINTAINED: Final = "maintenance-completed"


class Duty(NamedTuple):
    """A significant portal change: who was certified before must have maintained by `lapses_at` (R25, R26)."""

    portal_change_id: str
    products: Sequence[str]
    announced_at: datetime
    lapses_at: datetime


class Grant(NamedTuple):
    """What the last statement of a grant says."""

    product: str
    granted_at: datetime
    spans: Sequence[Span]


class Certification(NamedTuple):
    """When somebody is certified for a product. `lapses`: when maintenance ended a grant that goes on otherwise."""

    spans: Sequence[Span] = ()
    lapses: frozenset[datetime] = frozenset()


class Person:
    """The facts about one consultant that matter to partners, in force."""

    def __init__(self) -> None:
        self.employment: dict[str, LoggedFact] = {}
        self._grants: dict[str, Grant] = {}
        self._maintained: dict[tuple[str, str], Sequence[Span]] = {}
        self._certifications: dict[str, Certification] = {}
        self._judged_by: Sequence[Duty] = ()
        self._grounds: dict[tuple[str, ...], Grounds] = {}
        self._regrounded: dict[str, set[datetime]] = {}

    def take(self, fact: LoggedFact) -> None:
        """One more fact about this person."""
        data = fact.data
        if fact.kind in (LINKED, LEFT):
            self.employment[fact.fact_id] = fact
        elif fact.kind in GRANTED:
            self._grants[data["grant_id"]] = Grant(data["product"], instant_of(data["granted_at"]), spans_of(data))
            self._certifications.pop(data["product"], None)
            self._compare_grounds((data["product"], data["grant_id"]), data)
        elif fact.kind == MAINTAINED:
            self._maintained[data["product"], data["portal_change_id"]] = spans_of(data)
            self._certifications.pop(data["product"], None)
            self._compare_grounds((data["product"], "", data["portal_change_id"]), data)

    def take_regrounded(self, product: str) -> set[datetime]:
        """When periods begin or end because of other facts than before, since it was asked last."""
        return self._regrounded.pop(product, set())

    def _compare_grounds(self, statement: tuple[str, ...], data: Mapping[str, Any]) -> None:
        before, now = self._grounds.get(statement, frozenset()), grounds_of(data)
        self._grounds[statement] = now
        self._regrounded.setdefault(data["product"], set()).update(at for _, at, _ in before ^ now)

    def certification(self, product: str, duties: Sequence[Duty]) -> Certification:
        """When the person holds a grant that has not lapsed (R26)."""
        if self._judged_by is not duties:
            self._judged_by = duties
            self._certifications.clear()
        known = self._certifications.get(product)
        if known is None:
            known = self._certifications[product] = self._certification(product, duties)
        return known

    def _certification(self, product: str, duties: Sequence[Duty]) -> Certification:
        grants = [grant for grant in self._grants.values() if grant.product == product]
        if not grants:
            return Certification()
        mine = [duty for duty in duties if product in duty.products]
        judged = [(grant, lapsed := self._lapsed(grant, mine), without(grant.spans, lapsed)) for grant in grants]
        lapses = {at for grant, lapsed, _ in judged for at, _ in lapsed if _goes_on(grant.spans, at)}
        return Certification(union(span for _, _, valid in judged for span in valid), frozenset(lapses))

    def _lapsed(self, grant: Grant, duties: Iterable[Duty]) -> list[Span]:
        """When some duty of the grant is past its day and not done."""
        return union(
            span
            for duty in duties
            if grant.granted_at < duty.announced_at
            for span in without(
                [(duty.lapses_at, None)], self._maintained.get((grant.product, duty.portal_change_id), ())
            )
        )


def _goes_on(spans: Sequence[Span], at: datetime) -> bool:
    """Whether a span began before the instant and has not ended by then."""
    return any(begin < at and (end is None or at < end) for begin, end in spans)


Grounds = frozenset[tuple[str, datetime, tuple[str, ...]]]
"""Which facts make the periods of a decision begin and end, and when."""


def grounds_of(data: Mapping[str, Any]) -> Grounds:
    """Those of a decision."""
    return frozenset(
        (side, instant_of(period[side]), tuple(period.get(facts, ())))
        for period in data["periods"]
        for side, facts in (("from", "start_facts"), ("to", "end_facts"))
        if side in period
    )


def spans_of(data: Mapping[str, Any]) -> list[Span]:
    """The periods of a decision."""
    return [
        (instant_of(period["from"]), instant_of(period["to"]) if "to" in period else None) for period in data["periods"]
    ]


class Presence(NamedTuple):
    """One consultant at one partner.

    `counts`: when, by product; `lapses`: when that ended for want of maintenance. `dual`: linked here and elsewhere at
    once.
    """

    dual: Sequence[Span] = ()
    counts: Mapping[str, Sequence[Span]] = {}
    lapses: Mapping[str, Sequence[datetime]] = {}


NOWHERE: Final = Presence()


def presence(
    person: Person, partner: str, products: Sequence[str], fates: Mapping[datetime, Fates], duties: Sequence[Duty]
) -> Presence:
    """Everything that this partner's history needs of the person."""
    history = links_of(list(person.employment.values()), fates)
    counting: list[Span] = []
    dual: list[Span] = []
    for place, links in enumerate(history):
        until = history[place + 1].at if place + 1 < len(history) else None
        if links.counting == partner:
            counting.append((links.at, until))
        if partner in links.active and len(links.active) > 1:
            dual.append((links.at, until))
    if not counting:
        return Presence(dual=union(dual)) if dual else NOWHERE
    counting = union(counting)
    certifications = {product: person.certification(product, duties) for product in products}
    counts = {product: both(counting, certification.spans) for product, certification in certifications.items()}
    lapses = {
        product: sorted(end for _, end in counts[product] if end in certification.lapses and holds(counting, end))
        for product, certification in certifications.items()
        if certification.lapses
    }
    return Presence(union(dual), counts, lapses)
