"""How a partner stood over time, from nothing but the facts given: what a picture of it shows."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import zip_longest

import msgspec

from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.situation import MAY_SELL_NEW, Situation
from services.compliance.policy.sweep import Sweep
from shared.events.compliance_events import Status
from shared.events.envelope import Fact


class StandingSpan(msgspec.Struct, frozen=True):
    """How the partner stands for the product from `start` until `to` (exclusive; None: for ever, if no fact comes)."""

    product: str
    start: datetime = msgspec.field(name="from")
    to: datetime | None
    status: Status
    sell_new: bool
    headcount: int
    minimum: int | None
    shortfall: int | None


class PersonSpan(msgspec.Struct, frozen=True):
    """A person is linked to the partner (`product` None), or counts there for the product, from `start` until `to`."""

    consultant_id: str
    product: str | None
    start: datetime = msgspec.field(name="from")
    to: datetime | None


def standing_history(
    facts: Iterable[Fact], partner_id: str, parameters: Parameters
) -> tuple[list[StandingSpan], list[PersonSpan]] | None:
    """The spans of each product, in order, and those of people, by id. What follows if no fact comes is included.

    `facts`: those routed to the partner, in log order. None: none of them mentions the partner. No spans: no fact about
    it has an effect, because all are voided or change nothing.
    """
    partner_facts = PartnerFacts(partner_id, parameters, facts)
    if not partner_facts.mentioned:
        return None
    partner_facts.refresh_partner()
    spans: list[StandingSpan] = []
    people: list[PersonSpan] = []
    for product in parameters.products:
        sweep = Sweep(product, partner_facts.policy, partner_facts.timeline)
        for consultant_id, person in partner_facts.people():
            counted = person.counted(product)
            sweep.set_times(consultant_id, (), counted)
            people += [PersonSpan(consultant_id, product, time.start, time.end) for time in counted]
        spans += _spans(sweep)
    for consultant_id, person in partner_facts.people():
        times = person.linked_times(partner_id)
        linked = zip_longest(times[::2], times[1::2])
        people += [PersonSpan(consultant_id, None, start, to) for start, to in linked]
    people.sort(key=lambda span: (span.consultant_id, span.product or "", span.start))
    return spans, people


def _spans(sweep: Sweep) -> Iterator[StandingSpan]:
    """From the first instant at which anything is known. Instants without a difference are left out."""
    span: StandingSpan | None = None
    for instant, situation in sweep.forecast():
        following = _span(instant, situation)
        if span is not None:
            if msgspec.structs.replace(following, start=span.start) == span:
                continue
            yield msgspec.structs.replace(span, to=instant)
        span = following
    if span is not None:
        yield span


def _span(instant: datetime, situation: Situation) -> StandingSpan:
    status = situation.status
    return StandingSpan(
        product=situation.product,
        start=instant,
        to=None,
        status=status,
        sell_new=status in MAY_SELL_NEW,
        headcount=len(situation.counted),
        minimum=situation.minimum,
        shortfall=situation.shortfall,
    )
