"""When a person is linked, counts, is certified and owes maintenance, as instants between which nothing changes.

Such *times* begin and end in turn: the first instant begins, the second ends, and so on. Something holds at an instant
if an odd number of its times lies at or before it.
"""

from bisect import bisect_right
from collections.abc import Container, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

import msgspec

from services.compliance.policy.consultant_at_partner import ConsultantAtPartner
from services.compliance.policy.missing_qualifications import owed_maintenance
from services.compliance.policy.partner_facts import PartnerFacts

Times = tuple[datetime, ...]


class MaintenanceDuty(msgspec.Struct, frozen=True):
    """When the maintenance of a product for a portal change is owed by a person (R25)."""

    product: str
    portal_change_id: str
    due_on: date
    owed: Times


class ConsultantRecord(NamedTuple):
    """One person over time. `certified`: by product. `counting`: by partner, where it is certified (R23)."""

    certified: dict[str, Times]
    counting: dict[str, Times]
    duties: list[MaintenanceDuty]

    def counts_for(self, at: datetime) -> str | None:
        """The partner where the person counts at the instant."""
        return next((partner_id for partner_id, times in self.counting.items() if holds(times, at)), None)

    def owed(self, product: str, at: datetime) -> list[MaintenanceDuty]:
        """The maintenance of the product that the person owes at the instant."""
        return [duty for duty in self.duties if duty.product == product and holds(duty.owed, at)]


def record_of(person: ConsultantAtPartner, partner_facts: PartnerFacts, products: Iterable[str]) -> ConsultantRecord:
    """The person, from everything known about it."""
    known = tuple(products)
    certified = {product: certified_times(person, product) for product in known}
    return ConsultantRecord(certified, counting_by_partner(person), maintenance_duties(person, partner_facts, known))


def linked_times(person: ConsultantAtPartner, partner_id: str) -> Times:
    """When the person is linked to the partner, whether or not it counts there."""
    return person.linked_times(partner_id)


def counting_times(person: ConsultantAtPartner) -> Times:
    """When the person counts at the partner from which it is seen, where it is certified (R23)."""
    return _times(person.tenures)


def counting_by_partner(person: ConsultantAtPartner) -> dict[str, Times]:
    """When the person counts at each partner, where it is certified; empty: it was never linked to any (R23)."""
    found: dict[str, list[datetime]] = {}
    before: str | None = None
    for employment in person.employments:
        if before is not None:
            found[before].append(employment.start)
        if employment.counts_for is not None:
            found.setdefault(employment.counts_for, []).append(employment.start)
        before = employment.counts_for
    return {partner_id: tuple(times) for partner_id, times in found.items()}


def certified_times(person: ConsultantAtPartner, product: str) -> Times:
    """When the person is certified for the product (R4, R26)."""
    certification = person.certification(product)
    return () if certification is None else _times(certification.certified)


def maintenance_duties(
    person: ConsultantAtPartner,
    partner_facts: PartnerFacts,
    products: Iterable[str],
    portal_changes: Container[str] | None = None,
) -> list[MaintenanceDuty]:
    """The maintenance that the person owes at some time, by product and portal change in order of announcement.

    `portal_changes`: for which; None: for all.
    """
    found = []
    for product in products:
        stated = person.certification(product)
        if stated is None or not stated.grants:
            continue
        for obligation in partner_facts.obligations(product):
            change_id = obligation.portal_change_id
            if portal_changes is None or change_id in portal_changes:
                owed = owed_maintenance(stated.grants.values(), obligation, stated.completions.get(change_id, ()))
                if owed:
                    found.append(MaintenanceDuty(product, change_id, obligation.due_on, owed))
    return found


def holds(times: Sequence[datetime], at: datetime) -> bool:
    """Whether it holds at the instant."""
    return bisect_right(times, at) % 2 == 1


def since(times: Sequence[datetime], at: datetime) -> datetime | None:
    """Since when it holds at the instant; None: it does not."""
    place = bisect_right(times, at)
    return times[place - 1] if place % 2 else None


def changes_after(times: Sequence[datetime], at: datetime) -> datetime | None:
    """When it begins or ends next."""
    place = bisect_right(times, at)
    return times[place] if place < len(times) else None


class _Lasting(Protocol):
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime | None: ...


def _times(lasting: Iterable[_Lasting]) -> Times:
    """The times of periods, given in order. Periods that touch become one."""
    found: list[datetime] = []
    for period in lasting:
        if found and found[-1] == period.start:
            found.pop()
        else:
            found.append(period.start)
        if period.end is not None:
            found.append(period.end)
    return tuple(found)
