"""Histories of any size, each of one shape: what happens, in the order in which it is told."""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    ConsultantCertified,
    ConsultantLeft,
    ConsultantLinked,
    ExamRegistered,
    FactData,
    FactVoided,
    Minimum,
    PartnerClosed,
    PartnerEnrolled,
    PartnerProgrammeChanged,
    PartnersMerged,
    Period,
    PolicyRevised,
    PortalChangeCorrected,
    PortalChangeDeclared,
    ScoreCorrected,
)

START = datetime(2024, 1, 1, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Happening = tuple[datetime, FactData]
"""When it was true, and what happened; it is recorded at once, or, in a history that is late, afterwards."""
Shape = Callable[[int], Iterator[Happening]]


def fact(position: int, recorded_at: datetime, effective_at: datetime, data: FactData) -> Fact:
    return Fact(f"f{position}", effective_at, recorded_at, data, position, position)


def certified(consultant: str, at: datetime, grant: str = "g") -> FactData:
    return ConsultantCertified(consultant, "S200P", f"{grant}-{consultant}", at, (Period(at, None, ("e",)),))


def enrolled() -> Happening:
    return START, PartnerEnrolled("P", "VAR", "PARTNER_SUCCESS")


def people_in_order(size: int) -> Iterator[Happening]:
    """One joins an hour."""
    yield enrolled()
    for number in range(size):
        at = START + number * HOUR
        yield at, ConsultantLinked("P", f"C{number}")
        yield at, certified(f"C{number}", at)


def people_out_of_order(size: int) -> Iterator[Happening]:
    """All links first, then the certifications in any order."""
    yield enrolled()
    order = list(range(size))
    for number in order:
        yield START + number * HOUR, ConsultantLinked("P", f"C{number}")
    random.Random(1).shuffle(order)
    for number in order:
        at = START + number * HOUR
        yield at, certified(f"C{number}", at)


def people_from_last_to_first(size: int) -> Iterator[Happening]:
    """Each is recorded before who joined earlier."""
    yield enrolled()
    for number in reversed(range(size)):
        at = START + number * HOUR
        yield at, certified(f"C{number}", at)
        yield at, ConsultantLinked("P", f"C{number}")


def links_again(size: int) -> Iterator[Happening]:
    """The same link, again and again."""
    yield from people_in_order(3)
    for number in range(size):
        yield START + number * HOUR, ConsultantLinked("P", f"C{number % 3}")


def links_elsewhere(size: int) -> Iterator[Happening]:
    """One person, linked to any number of partners."""
    yield from people_in_order(3)
    for number in range(size):
        yield START + number * HOUR, ConsultantLinked(f"Q{number}", "C0")


def links_elsewhere_at_once(size: int) -> Iterator[Happening]:
    """One person, linked to any number of partners as of one day, each link recorded by itself."""
    yield from people_in_order(3)
    for number in range(size):
        yield START + 3 * HOUR, ConsultantLinked(f"Q{number}", "C0")


def closures_elsewhere(size: int) -> Iterator[Happening]:
    """The other partners of a person close, one after the other."""
    yield from links_elsewhere(size // 2)
    for number in range(size // 2):
        yield START + (size + number) * HOUR, PartnerClosed(f"Q{number}")


def closures_elsewhere_at_once(size: int) -> Iterator[Happening]:
    """The other partners of a person close as of one instant, each closure recorded by itself."""
    yield from links_elsewhere(size // 2)
    for number in range(size // 2):
        yield START + size * HOUR, PartnerClosed(f"Q{number}")


def partners_left(size: int) -> Iterator[Happening]:
    """One person goes from partner to partner, and leaves each at once."""
    yield from _partner_after_partner(size, lambda partner_id: ConsultantLeft(partner_id, "C0"))


def partners_closed(size: int) -> Iterator[Happening]:
    """One person goes from partner to partner, and each closes at once."""
    yield from _partner_after_partner(size, PartnerClosed)


def _partner_after_partner(size: int, ending: Callable[[str], FactData]) -> Iterator[Happening]:
    yield enrolled()
    yield START, certified("C0", START)
    for number in range(size // 2):
        at, partner_id = START + number * HOUR, f"Q{number}"
        yield at, ConsultantLinked(partner_id, "C0")
        yield at, ending(partner_id)


def merger_chain(size: int) -> Iterator[Happening]:
    """One person's partner is merged into the next one, and that into the next; recorded from the last to the first."""
    yield enrolled()
    yield START, certified("C0", START)
    yield START, ConsultantLinked("Q0", "C0")
    for number in reversed(range(size)):
        yield START + (number + 1) * HOUR, PartnersMerged(f"Q{number}", f"Q{number + 1}")


def departures_at_once(size: int) -> Iterator[Happening]:
    """People who leave as of one day, each departure recorded by itself."""
    yield from people_in_order(size // 2)
    for number in range(size // 2):
        yield START + size * HOUR, ConsultantLeft("P", f"C{number}")


def mergers(size: int) -> Iterator[Happening]:
    """Partners with one person each are merged into this one."""
    yield from people_in_order(3)
    for number in range(size // 3):
        at = START + number * HOUR
        yield at, ConsultantLinked(f"Q{number}", f"D{number}")
        yield at, certified(f"D{number}", at)
        yield at + HOUR, PartnersMerged(f"Q{number}", "P")


def mergers_at_once(size: int) -> Iterator[Happening]:
    """Partners with one person each are merged into this one as of one instant, each merger recorded by itself."""
    yield from people_in_order(3)
    for number in range(size // 3):
        at = START + number * HOUR
        yield at, ConsultantLinked(f"Q{number}", f"D{number}")
        yield at, certified(f"D{number}", at)
    for number in range(size // 3):
        yield START + size * HOUR, PartnersMerged(f"Q{number}", "P")


def windows(size: int) -> Iterator[Happening]:
    """Two people; one leaves and comes back, within the window or long after it."""
    yield from people_in_order(2)
    at = START + DAY
    for number in range(size // 2):
        yield at, ConsultantLeft("P", "C0")
        at += DAY if number % 2 else 40 * DAY
        yield at, ConsultantLinked("P", "C0")
        at += DAY


def windows_recorded_late(size: int) -> Iterator[Happening]:
    """The same, recorded from the last to the first."""
    yield from people_in_order(2)
    yield from reversed(list(windows(size))[5:])


def relinked_daily(size: int) -> Iterator[Happening]:
    """Ten people who leave each evening and come back each morning."""
    yield from people_in_order(10)
    for number in range(size // 20):
        for person in range(10):
            yield START + (number + 2) * DAY, ConsultantLeft("P", f"C{person}")
        for person in range(10):
            yield START + (number + 2) * DAY + HOUR, ConsultantLinked("P", f"C{person}")


def programmes(size: int) -> Iterator[Happening]:
    """In and out of the programme."""
    yield from people_in_order(3)
    for number in range(size):
        programme = "PARTNER_SUCCESS" if number % 2 else "NONE"
        yield START + (number + 3) * HOUR, PartnerProgrammeChanged("P", programme)


def grants_of_a_person(size: int) -> Iterator[Happening]:
    """One person passes again and again."""
    yield from people_in_order(3)
    for number in range(size):
        at = START + (number + 3) * HOUR
        yield at, certified("C0", at, f"g{number}")


def announced(number: int) -> PortalChangeDeclared:
    at = START + number * HOUR
    return PortalChangeDeclared(f"change-{number}", ("S200P",), True, (at + 400 * DAY).date(), "a change")


def portal_changes(size: int) -> Iterator[Happening]:
    """Portal changes, due long after."""
    yield from people_in_order(3)
    for number in range(size):
        yield START + (number + 4) * HOUR, announced(number)


def portal_changes_at_once(size: int) -> Iterator[Happening]:
    """Portal changes announced at one instant, each recorded by itself."""
    yield from people_in_order(3)
    due_on = (START + 400 * DAY).date()
    for number in range(size):
        yield START + 4 * HOUR, PortalChangeDeclared(f"change-{number:05}", ("S200P",), True, due_on, "a change")


def dual_links(size: int) -> Iterator[Happening]:
    """One person who begins and ceases to be linked elsewhere, again and again."""
    yield from people_in_order(3)
    for number in range(size // 2):
        yield START + (2 * number + 4) * HOUR, ConsultantLinked("Q", "C0")
        yield START + (2 * number + 5) * HOUR, ConsultantLeft("Q", "C0")


def corrections(size: int) -> Iterator[Happening]:
    """One portal change, whose due day is corrected again and again."""
    yield from people_in_order(3)
    yield START + 4 * HOUR, announced(0)
    for number in range(size):
        at = START + (number + 5) * HOUR
        yield at, PortalChangeCorrected("change-0", (at + 400 * DAY).date())


def corrections_again(size: int) -> Iterator[Happening]:
    """One portal change, whose due day is corrected to the same day again and again."""
    yield enrolled()
    yield START, announced(0)
    for number in range(size):
        yield START + number * HOUR, PortalChangeCorrected("change-0", due_on=(START + 300 * DAY).date())


def links_and_departures_at_once(size: int) -> Iterator[Happening]:
    """One person is linked and leaves as of one instant, again and again."""
    yield enrolled()
    for _ in range(size // 2):
        yield START, ConsultantLinked("P", "C0")
        yield START, ConsultantLeft("P", "C0")


def scores_at_once(size: int) -> Iterator[Happening]:
    """One score is corrected to what it is as of one instant, again and again."""
    yield START, ExamRegistered("R", "C0", "S200P")
    yield START, AttemptScored("R", 1, "90")
    for _ in range(size):
        yield START, ScoreCorrected("R", 1, "90")


def corrected_portal_changes(size: int) -> Iterator[Happening]:
    """Portal changes, due long after; each is corrected after the next was announced."""
    yield from people_in_order(3)
    for number in range(size // 2):
        at = START + (2 * number + 4) * HOUR
        yield at, announced(number)
        yield at + HOUR, PortalChangeCorrected(f"change-{max(0, number - 1)}", (at + 500 * DAY).date())


def ahead_of_time(size: int) -> Iterator[Happening]:
    """People of whom it is known when they will come, years ahead."""
    yield from people_in_order(3)
    for number in range(size // 2):
        at = START + 3_650 * DAY + number * HOUR
        yield at, ConsultantLinked("P", f"D{number}")
        yield at, certified(f"D{number}", at)


def voids(size: int) -> Iterator[Happening]:
    """Links recorded in error and voided, one after the other."""
    yield from people_in_order(3)
    for number in range(size // 2):
        at = START + (number + 4) * HOUR
        yield at, ConsultantLinked("P", f"C{number % 3}")
        yield at, FactVoided(f"f{8 + 2 * number}")


def revisions(size: int) -> Iterator[Happening]:
    """The policy is revised again and again: the minimum up and down, the days, the programmes."""
    yield from people_in_order(3)
    for number in range(size):
        terms: dict[str, Any] = (
            {"minimum": Minimum(var=3 + number % 2)},
            {"window_days": 30 + number % 9},
            {"programmes": ("PARTNER_SUCCESS", f"PARTNER_{number}")},
            {"minimum": Minimum(developer=2), "reminder_days": (number % 20 + 1,)},
        )[number % 4]
        yield START + (number + 3) * HOUR, PolicyRevised(f"policy-{number}", **terms)


def voided_revisions(size: int) -> Iterator[Happening]:
    """Revisions recorded in error, each voided after a window has opened under it."""
    yield from people_in_order(2)
    for number in range(size // 4):
        at = START + (4 * number + 4) * HOUR
        yield at, PolicyRevised(f"policy-{number}", window_days=10 + number % 50, minimum=Minimum(var=3))
        yield at + HOUR, ConsultantLeft("P", f"C{number % 2}")
        yield at + 2 * HOUR, ConsultantLinked("P", f"C{number % 2}")
        yield at + 3 * HOUR, FactVoided(f"f{6 + 4 * number}")


def revisions_ahead(size: int) -> Iterator[Happening]:
    """Revisions of which it is known when they come, years ahead, the last one first."""
    yield from people_in_order(3)
    for number in reversed(range(size)):
        yield (
            START + 3_650 * DAY + number * HOUR,
            PolicyRevised(f"policy-{number}", minimum=Minimum(var=2 + number % 3)),
        )


SHAPES: Sequence[Shape] = (
    people_in_order,
    people_out_of_order,
    people_from_last_to_first,
    links_again,
    links_elsewhere,
    links_elsewhere_at_once,
    closures_elsewhere,
    closures_elsewhere_at_once,
    partners_left,
    partners_closed,
    merger_chain,
    dual_links,
    departures_at_once,
    mergers,
    mergers_at_once,
    windows,
    windows_recorded_late,
    relinked_daily,
    programmes,
    grants_of_a_person,
    portal_changes,
    portal_changes_at_once,
    corrections,
    corrections_again,
    corrected_portal_changes,
    ahead_of_time,
    voids,
    revisions,
    voided_revisions,
    revisions_ahead,
)

IN_ORDER: Sequence[Shape] = (
    people_in_order,
    people_out_of_order,
    links_again,
    links_elsewhere,
    windows,
    relinked_daily,
    programmes,
    grants_of_a_person,
    revisions,
)
