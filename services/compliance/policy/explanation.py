"""Why a partner stands as it does for a product, rule by rule, with the arithmetic of each deadline."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec

from services.compliance.policy.counting_partner import Counted
from services.compliance.policy.enrolment import CLOSED, MERGED
from services.compliance.policy.explanation_grounds import (
    PEOPLE_MAX,
    Grounds,
    kind_facts,
    programme_facts,
    window_facts,
)
from services.compliance.policy.policy_timeline import Setting
from services.compliance.policy.reason import Reason
from services.compliance.policy.situation import Replacement, Situation
from shared.events.envelope import Fact
from shared.events.facts import (
    ConsultantLeft,
    ConsultantLinked,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnersMerged,
    PolicyRevised,
    PortalChangeDeclared,
    RevocationOrdered,
    ScoreCorrected,
)
from shared.events.london import LONDON
from shared.events.wire import instant_text


class CountedConsultant(msgspec.Struct, frozen=True):
    """Who counts at the instant, since when, and because of which facts (R9)."""

    consultant_id: str
    since: datetime
    fact_ids: tuple[str, ...]


class LostConsultant(msgspec.Struct, frozen=True):
    """Who counted before: until when, and why no longer."""

    consultant_id: str
    until: datetime
    rule: str
    text: str
    fact_ids: tuple[str, ...]


class RunningWindow(msgspec.Struct, frozen=True):
    """One consultant missing: how the deadline was counted (R13, R15, R16), and who was lost at its opening.

    `lost_on`: the London day of the loss. `window_days`: London days counted from it to `deadline_on`.
    """

    opened_at: datetime
    lost_on: date
    window_days: int
    deadline_on: date
    deadline_at: datetime
    outcome: str
    lost: tuple[str, ...]
    text: str
    fact_ids: tuple[str, ...]


class Remedy(msgspec.Struct, frozen=True):
    """What would mend it. `people`: how many more must count. `before`: after which it would be too late, if ever."""

    rule: str
    text: str
    people: int
    before: datetime | None


class Explanation(msgspec.Struct, frozen=True):
    """Why the status is what it is: `steps` in the order of the argument, the conclusion last.

    `linked_only`: who is linked to the partner and does not count, for want of a certification or of the earlier link.
    The members ending in `_omitted` say how many more there are.
    """

    steps: tuple[Reason, ...]
    counted: tuple[CountedConsultant, ...]
    counted_omitted: int
    lost: tuple[LostConsultant, ...]
    lost_omitted: int
    windows: tuple[RunningWindow, ...]
    linked_only: tuple[str, ...]
    linked_only_omitted: int
    remedies: tuple[Remedy, ...]


def explanation(grounds: Grounds, partner_id: str, programmes: Sequence[str], named: Mapping[str, Fact]) -> Explanation:
    """The explanation in words. `programmes`: the eligible ones. `named`: the facts of `Grounds.fact_ids`, by id."""
    situation = grounds.situation
    losses = grounds.losses()
    windows = tuple(_window(grounds, replacement, losses, named) for replacement in situation.unfilled)
    linked = grounds.linked_only(partner_id)
    since = {
        consultant_id: next(
            time.start
            for time in reversed(grounds.people[consultant_id].counted(grounds.product))
            if time.start <= grounds.at
        )
        for consultant_id in situation.counted_ids[:PEOPLE_MAX]
    }
    return Explanation(
        steps=tuple(_steps(grounds, windows, programmes)),
        counted=tuple(
            CountedConsultant(consultant_id, start, situation.counted[consultant_id])
            for consultant_id, start in since.items()
        ),
        counted_omitted=len(situation.counted_ids) - len(since),
        lost=tuple(_lost(consultant_id, time, grounds.product, named) for consultant_id, time in losses[:PEOPLE_MAX]),
        lost_omitted=max(0, len(losses) - PEOPLE_MAX),
        windows=windows,
        linked_only=tuple(linked[:PEOPLE_MAX]),
        linked_only_omitted=max(0, len(linked) - PEOPLE_MAX),
        remedies=tuple(_remedies(grounds, programmes)),
    )


# The argument --------------------------------------------------------------------------------


def _steps(grounds: Grounds, windows: Sequence[RunningWindow], programmes: Sequence[str]) -> Iterator[Reason]:
    situation, enrolment = grounds.situation, grounds.situation.enrolment
    if enrolment is not None and enrolment.kind is not None:
        kind = "only develops" if enrolment.kind == "DEVELOPER" else "is a VAR"
        text = f"The partner {kind}, so it must keep at least {enrolment.minimum}{_by(enrolment.least)}."
        yield Reason("R10", text, kind_facts(enrolment))
    yield _of_enrolment(situation, programmes)
    headcount, minimum = len(situation.counted), situation.minimum
    text = f"{_people(headcount)} at this instant: linked to the partner and certified for {grounds.product}."
    yield Reason("R9", text)
    if minimum is not None:
        text = f"Shortfall: the minimum {minimum} less the headcount {headcount}, never below 0: {situation.shortfall}."
        yield Reason("R10", text)
    if situation.reached_at is not None:
        text = (
            f"The headcount first reached the minimum on {_moment(situation.reached_at)}: since then it must be kept."
        )
        yield Reason("R12", text, situation.reached_facts(situation.reached_at)[: 3 * PEOPLE_MAX])
    for window in windows:
        yield Reason("R15", window.text, window.fact_ids)
    if situation.suspended_since is not None:
        text = (
            f"The first of these deadlines passed unfilled on {_moment(situation.suspended_since)}: from then selling "
            f"to new customers is suspended, for {grounds.product} only, until the headcount is back at the minimum."
        )
        yield Reason("R19", text)
    yield _CONCLUSIONS[situation.status]


def _of_enrolment(situation: Situation, programmes: Sequence[str]) -> Reason:
    enrolment = situation.enrolment
    if enrolment is None or enrolment.kind is None:
        return Reason("R11", "No fact gives the kind of the partner yet, so it is not enrolled.")
    facts = enrolment.programme_facts
    if enrolment.programme in (CLOSED, MERGED):
        return Reason("R28", f"The partner was {enrolment.programme}, so it is not enrolled.", facts)
    if enrolment.enrolled:
        return Reason("R11", f"Its programme {enrolment.programme} is eligible, so it is enrolled.", facts)
    if enrolment.programme is None:
        return Reason("R11", "No fact says that it is in a programme, so it is not enrolled.")
    eligible = f"{', '.join(programmes)}{_by(enrolment.eligible)}"
    text = f"Its programme {enrolment.programme} is none of {eligible}, so it is not enrolled."
    return Reason("R11", text, programme_facts(enrolment))


_CONCLUSIONS: Final = {
    "not_enrolled": Reason("R11", "Not enrolled: it neither sells to new customers nor maintains existing ones."),
    "not_yet_authorised": Reason(
        "R12",
        "Not yet authorised: it may maintain existing customers, and sell to new ones once the minimum is reached.",
    ),
    "compliant": Reason("R12", "Compliant: the minimum is kept, so it may sell to new customers."),
    "in_window": Reason("R13", "In a window: until the first deadline it may still sell to new customers."),
    "suspended": Reason("R20", "Suspended: no selling to new customers, but existing ones may be maintained."),
}


def _window(
    grounds: Grounds, replacement: Replacement, losses: Iterable[tuple[str, Counted]], named: Mapping[str, Fact]
) -> RunningWindow:
    window = replacement.window
    lost_on = window.opened_at.astimezone(LONDON).date()
    days = (window.deadline_on - lost_on).days
    left = [(consultant_id, time) for consultant_id, time in losses if time.end == window.opened_at]
    who = [_lost(consultant_id, time, grounds.product, named).text for consultant_id, time in left[:10]]
    cause = "; ".join(text.removesuffix(".") for text in who) + "." if who else _raised(replacement, named)
    today = (grounds.at.astimezone(LONDON).date() - lost_on).days
    passed = "It has passed." if grounds.at >= window.deadline_at else f"It is day {today} of {days}."
    nth = f"the {_ordinal(days)} London day after it{_by(replacement.days)}"
    text = (
        f"{cause} The London day of the loss is {_day(lost_on)}; {nth} is "
        f"{_day(window.deadline_on)}; the deadline is the midnight that ends that day in London, "
        f"{instant_text(window.deadline_at)}. {passed}"
    )
    return RunningWindow(
        opened_at=window.opened_at,
        lost_on=lost_on,
        window_days=days,
        deadline_on=window.deadline_on,
        deadline_at=window.deadline_at,
        outcome=window.outcome,
        lost=tuple(consultant_id for consultant_id, _ in left[:PEOPLE_MAX]),
        text=text,
        fact_ids=window_facts(replacement),
    )


def _raised(replacement: Replacement, named: Mapping[str, Fact]) -> str:
    """What made the shortfall where nobody was lost (R14)."""
    causes = [named[fact_id].data for fact_id in replacement.opened_facts if fact_id in named]
    on = _moment(replacement.window.opened_at)
    for cause in causes:
        if isinstance(cause, PolicyRevised):
            return f"The policy {cause.policy_id} raised the minimum above the headcount on {on}."
    if any(isinstance(cause, PartnerEnrolled | PartnerKindChanged) for cause in causes):
        return f"The partner became of another kind, with a minimum above the headcount, on {on}."
    return f"The headcount fell below the minimum on {on}."


def _lost(consultant_id: str, time: Counted, product: str, named: Mapping[str, Fact]) -> LostConsultant:
    assert time.end is not None
    causes = [named[fact_id].data for fact_id in time.end_facts if fact_id in named]
    rule, why = "R9", "no longer counts"
    for kind, (of_kind, words) in _ENDINGS.items():
        if any(isinstance(cause, kind) for cause in causes):
            rule, why = of_kind, words.format(product=product)
            break
    text = f"{consultant_id} {why} from {_moment(time.end)} on."
    return LostConsultant(consultant_id, time.end, rule, text, tuple(dict.fromkeys(time.end_facts)))


_ENDINGS: Final[Mapping[type, tuple[str, str]]] = {
    ConsultantLeft: ("R30", "left the partner and does not count"),
    PartnerClosed: ("R29", "lost the link when the partner closed, and does not count"),
    RevocationOrdered: ("R37", "had the certification for {product} revoked and does not count"),
    ScoreCorrected: ("R32", "lost the certification for {product} by a corrected score and does not count"),
    PortalChangeDeclared: ("R26", "did not finish maintenance, so the certification for {product} is lapsed"),
    PartnersMerged: ("R29", "counts elsewhere or nowhere since a merger,"),
    ConsultantLinked: ("R23", "counts for another partner, by an earlier link,"),
}


def _remedies(grounds: Grounds, programmes: Sequence[str]) -> Iterator[Remedy]:
    situation = grounds.situation
    missing = situation.shortfall or 0
    match situation.status:
        case "not_enrolled":
            enrolment = situation.enrolment
            if enrolment is None or enrolment.kind is None:
                yield Remedy("R11", "A fact that gives the kind of the partner.", 0, None)
            if enrolment is None or enrolment.programme not in programmes:
                yield Remedy("R11", f"Enrolment in one of {', '.join(programmes)}.", 0, None)
            if missing:
                yield Remedy("R12", f"Then {_more(missing)} for the minimum to be reached.", missing, None)
        case "not_yet_authorised":
            yield Remedy("R12", f"{_more(missing)}: linked to the partner and certified.", missing, None)
        case "in_window" | "suspended":
            for place, replacement in enumerate(situation.unfilled, start=1):
                window, due = replacement.window, replacement.window.deadline_at
                if window.outcome == "open":
                    text = f"A counted consultant more, number {place}, before {instant_text(due)} fills it in time."
                    yield Remedy("R18", text, 1, due)
                else:
                    text = f"A counted consultant more, number {place}, fills a window that is expired, late."
                    yield Remedy("R18", text, 1, None)
            if situation.status == "suspended":
                text = f"{_more(missing)}: selling is reinstated at the instant the headcount is back at the minimum."
                yield Remedy("R21", text, missing, None)
        case "compliant":
            pass


# Words ---------------------------------------------------------------------------------------


def _by(setting: Setting[Any] | None) -> str:
    """The policy that set a number, unless it is the first one."""
    return "" if setting is None or setting.fact_id is None else f" (policy {setting.policy_id})"


def _people(count: int) -> str:
    return "One person counts" if count == 1 else f"{count or 'No'} people count"


def _more(count: int) -> str:
    return "One counted consultant more" if count == 1 else f"{count} counted consultants more"


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _moment(instant: datetime) -> str:
    return f"{_day(instant.astimezone(LONDON).date())} ({instant_text(instant)})"


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
