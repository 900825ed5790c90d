"""What is announced of a partner, and what is taken back."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.partner_history import PartnerHistory
from shared.events.compliance_events import TYPE_OF, ComplianceEvent, ComplianceEventData
from tests.oracle.rules.facts import Fact
from tests.policy.fact_log import recorded
from tests.policy.scenarios.story import Told, flat
from tests.policy.scenarios.vocabulary import (
    certified,
    enrolled,
    is_void,
    joins,
    leaves,
    leaves_programme,
    maintains,
    portal_change_is_corrected,
    portal_changes,
    revises,
    utc,
)

START = utc("2023-01-09 09:00")
LOSS = utc("2023-03-10 17:30")
"""A fortnight before the clocks go forward: the window runs into summer time."""
WEEK_BEFORE = utc("2023-04-02 23:00")
DAY_BEFORE = utc("2023-04-08 23:00")
DEADLINE = utc("2023-04-09 23:00")
DAY = timedelta(days=1)
NAMES = {type_: name for name, type_ in TYPE_OF.items()}

Announced = list[tuple[str, datetime]]


def events(partner: str, *told: Told, until: datetime) -> list[ComplianceEvent]:
    """What is announced of the partner while the facts are told, in their order, and time goes on."""
    fold = PartnerHistory(partner, PARAMETERS)
    found: list[ComplianceEvent] = []
    for group in recorded(list(flat(told))):
        for step in (*fold.fire_timers(group[0].recorded_at), fold.record(group)):
            found += step.events
    for step in fold.fire_timers(until):
        found += step.events
    return [event for event in found if not event.type.endswith("standing-changed.v1")]


def announced(partner: str, *told: Told, until: datetime) -> Announced:
    return [(NAMES[event.type], event.effective_at) for event in events(partner, *told, until=until)]


def team() -> Iterable[Fact]:
    return [enrolled("acorn", START), *certified("ines", "omar", partner="acorn", at=START)]


def test_reminders_come_seven_days_and_one_day_before() -> None:
    """R15: at London midnights, also where the clocks have changed meanwhile."""
    assert announced("acorn", team(), leaves("omar", "acorn", LOSS), until=DEADLINE) == [
        ("minimum-reached", START),
        ("replacement-window-opened", LOSS),
        ("replacement-window-closing", WEEK_BEFORE),
        ("replacement-window-closing", DAY_BEFORE),
        ("replacement-window-expired", DEADLINE),
        ("selling-suspended", DEADLINE),
    ]


def test_nobody_is_reminded_of_the_past() -> None:
    """A departure told five days before its deadline: one reminder is left."""
    told = DEADLINE - 5 * DAY
    assert announced("acorn", team(), leaves("omar", "acorn", LOSS, recorded_at=told), until=DEADLINE - DAY) == [
        ("minimum-reached", START),
        ("replacement-window-opened", LOSS),
        ("replacement-window-closing", DAY_BEFORE),
    ]


def test_a_replacement_closes_the_window_and_reinstates() -> None:
    """R18, R21."""
    back = DEADLINE + DAY
    told = (team(), leaves("omar", "acorn", LOSS), certified("lea", partner="acorn", at=back))
    assert announced("acorn", *told, until=back)[-2:] == [
        ("replacement-window-closed", back),
        ("selling-reinstated", back),
    ]


def test_a_swap_told_as_two_calls_announces_a_window_and_takes_it_back() -> None:
    """R17: what was published is answered by a retraction that names it."""
    told = (
        team(),
        joins("lea", "birch", START),
        leaves("omar", "acorn", LOSS),
        certified("noor", partner="acorn", at=LOSS),
    )
    found = events("acorn", *told, until=LOSS)
    opened, retracted = found[-2:]
    assert NAMES[opened.type] == "replacement-window-opened"
    retracts = msgspec.json.decode(retracted.data, type=ComplianceEventData).retracts
    assert retracts is not None
    assert (retracts.event_id, retracts.type, retracts.effective_at) == (opened.event_id, opened.type, LOSS)


def test_a_void_takes_everything_back_newest_first() -> None:
    """R33: the reminders, the expiry and the suspension go with the window."""
    mistake = leaves("omar", "acorn", LOSS)
    found = events("acorn", team(), mistake, is_void(mistake, DEADLINE + DAY), until=DEADLINE + DAY)
    published = [event.event_id for event in found if NAMES[event.type] != "retracted"]
    retracts = [msgspec.json.decode(event.data, type=ComplianceEventData).retracts for event in found]
    taken_back = [one.event_id for one in retracts if one is not None]
    assert taken_back == list(reversed(published[1:]))


def test_leaving_the_programme_voids_the_window_and_ends_the_authorisation() -> None:
    """R28."""
    out = LOSS + DAY
    told = (team(), leaves("omar", "acorn", LOSS), leaves_programme("acorn", out))
    assert announced("acorn", *told, until=out)[-2:] == [
        ("replacement-window-voided", out),
        ("authorisation-ended", out),
    ]


def test_maintenance_is_required_and_a_lapse_is_told() -> None:
    """R26, R27."""
    told = (team(), portal_changes("login", LOSS, date(2023, 4, 9)), maintains("ines", "login", LOSS + DAY))
    required, *at_the_lapse = announced("acorn", *told, until=DEADLINE)[1:]
    assert required == ("maintenance-required", LOSS)
    assert set(at_the_lapse) == {("certification-lapsed", DEADLINE), ("replacement-window-opened", DEADLINE)}


def test_corrected_terms_are_announced_anew() -> None:
    """R27, R38: the announcement is taken back and made again at its own instant; so are the lapses. Each names the
    correction as its cause."""
    declared, told = portal_changes("login", LOSS, date(2023, 4, 9)), DEADLINE + DAY
    correction = portal_change_is_corrected("login", told, due_on=date(2023, 4, 30))
    found = events("acorn", team(), declared, correction, until=utc("2023-04-30 23:00"))
    required = [one for one in found if NAMES[one.type] == "maintenance-required"]
    assert [msgspec.json.decode(one.data)["due_on"] for one in required] == ["2023-04-09", "2023-04-30"]
    by_correction = [one for one in found if one.recorded_at == told]
    causes = [tuple(msgspec.json.decode(one.data)["fact_ids"]) for one in by_correction]
    assert causes == [(correction.fact_id,)] * len(by_correction)
    retracted, announced_anew = by_correction[:-1], by_correction[-1]
    taken_back = [msgspec.json.decode(one.data)["retracts"]["type"].split(".")[3] for one in retracted]
    assert sorted(taken_back) == [
        "certification-lapsed",
        "certification-lapsed",
        "maintenance-required",
        "replacement-window-opened",
        "replacement-window-opened",
    ]
    assert (NAMES[announced_anew.type], announced_anew.effective_at) == ("maintenance-required", LOSS)
    assert {NAMES[one.type] for one in found[-4:]} == {"certification-lapsed", "replacement-window-opened"}


def test_a_correction_that_changes_nothing_announces_nothing() -> None:
    """R38."""
    declared = portal_changes("login", LOSS, date(2023, 4, 9))
    same = portal_change_is_corrected("login", LOSS + DAY, due_on=date(2023, 4, 9), products=("S200P",))
    assert announced("acorn", team(), declared, same, until=LOSS + DAY)[1:] == [("maintenance-required", LOSS)]


def test_a_portal_change_beside_another_enrolment_hides_no_earlier_one() -> None:
    """R27: one group says that the partner had left before what it was told, and declares a further portal change."""
    told = [enrolled("acorn", START), portal_changes("login", LOSS, date(2023, 4, 9))]
    told += [
        leaves_programme("acorn", LOSS - DAY, recorded_at=DEADLINE),
        portal_changes("sso", DEADLINE, date(2023, 5, 9)),
    ]
    groups = recorded(told)
    together = tuple(replace(fact, append_position=4, recorded_at=DEADLINE) for fact in (*groups[2], *groups[3]))
    fold = PartnerHistory("acorn", PARAMETERS)
    steps = [fold.record(group) for group in (*groups[:2], together)]

    assert [NAMES[event.type] for event in steps[1].events] == ["maintenance-required"]
    assert [NAMES[event.type] for event in steps[2].events].count("retracted") == 1


def test_two_links_at_once_are_told_to_both_partners() -> None:
    """R23."""
    cleared = LOSS + DAY
    told = (team(), joins("omar", "birch", LOSS), leaves("omar", "birch", cleared))
    for partner in ("acorn", "birch"):
        found = [one for one in announced(partner, *told, until=cleared) if one[0].startswith("dual-link")]
        assert found == [("dual-link-detected", LOSS), ("dual-link-cleared", cleared)]


def test_a_window_reminds_by_the_days_in_force_when_it_opened() -> None:
    """R39: a revision while it runs changes nothing; of reminders before the opening there is none."""
    told = (
        team(),
        revises("early", START + DAY, window_days=20, reminder_days=(40, 14, 14 + 5)),
        leaves("omar", "acorn", LOSS),
        revises("late", LOSS + DAY, window_days=40, reminder_days=(1,)),
    )
    last = utc("2023-03-30 23:00")
    assert announced("acorn", *told, until=last) == [
        ("minimum-reached", START),
        ("replacement-window-opened", LOSS),
        ("replacement-window-closing", utc("2023-03-12 00:00")),
        ("replacement-window-closing", utc("2023-03-17 00:00")),
        ("replacement-window-expired", last),
        ("selling-suspended", last),
    ]


def test_a_future_revision_is_a_step_at_its_instant_by_time_alone() -> None:
    """R39, R14: nothing is announced when it is recorded; at its instant a window opens."""
    told = (team(), revises("higher", LOSS, minimum={"VAR": 3}, recorded_at=START + DAY))
    *_, opened = events("acorn", *told, until=LOSS)
    data = msgspec.json.decode(opened.data, type=ComplianceEventData)
    assert (NAMES[opened.type], opened.effective_at, opened.recorded_at) == ("replacement-window-opened", LOSS, LOSS)
    assert (data.policy_id, data.fact_ids, data.standings[0].minimum) == ("higher", (), 3)
    assert data.window is not None
    assert data.window.policy_id == "2021-08", "its days were set by the first policy"


def test_a_step_of_a_revision_names_it_as_its_cause() -> None:
    """R39, R21: a lower minimum closes the window and reinstates."""
    revision = revises("lower", DEADLINE + DAY, minimum={"VAR": 1})
    found = events("acorn", team(), leaves("omar", "acorn", LOSS), revision, until=DEADLINE + DAY)[-2:]
    assert [NAMES[event.type] for event in found] == ["replacement-window-closed", "selling-reinstated"]
    for event in found:
        data = msgspec.json.decode(event.data, type=ComplianceEventData)
        assert (data.fact_ids, data.policy_id) == ((revision.fact_id,), "lower")


def test_a_revision_that_changes_nothing_for_a_partner_announces_nothing() -> None:
    """R39: neither days while no window opens, nor another minimum of developers, nor one more programme."""
    told = (
        team(),
        leaves("omar", "acorn", LOSS),
        revises("longer", LOSS + DAY, window_days=90),
        revises("developers", LOSS + DAY, minimum={"DEVELOPER": 2}),
        revises("elite", LOSS + DAY, programmes=("PARTNER_SUCCESS", "PARTNER_ELITE")),
    )
    fold = PartnerHistory("acorn", PARAMETERS)
    *before, one, two, three = recorded(list(flat(told)))
    for group in before:
        fold.fire_timers(group[0].recorded_at)
        fold.record(group)
    changes = fold.changes
    for group in (one, two, three):
        assert fold.record(group).events == ()
    assert fold.changes == changes


def test_the_void_of_a_revision_takes_back_what_it_led_to() -> None:
    """R33, R39: its window was never open; the deadline of another moves, which the standings tell."""
    revision = revises("wrong", LOSS - DAY, minimum={"VAR": 3}, window_days=7)
    told = (team(), revision, leaves("omar", "acorn", LOSS), is_void(revision, LOSS + DAY))
    *_, reminder, opening = events("acorn", *told, until=LOSS + DAY)
    assert (NAMES[reminder.type], NAMES[opening.type]) == ("retracted", "retracted")
    assert opening.effective_at == LOSS - DAY
    data = msgspec.json.decode(opening.data, type=ComplianceEventData)
    assert [(window.opened_at, window.policy_id) for window in data.standings[0].windows] == [(LOSS, "2021-08")]
