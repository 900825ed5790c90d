"""What is announced of facts that were loaded afterwards says so; what others were told is taken back aloud."""

import msgspec
from msgspec.structs import replace

from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.partner_history import PartnerHistory
from services.compliance.policy.published_state import PublishedEvent, load_publication
from shared.events.compliance_events import TYPE_OF, ComplianceEvent, ComplianceEventData
from tests.policy.fact_log import Group, recorded
from tests.policy.scenarios.story import Told, flat
from tests.policy.scenarios.vocabulary import certified, enrolled, is_recognised, joins, leaves, utc

START = utc("2023-01-09 09:00")
LOSS = utc("2023-03-10 17:30")
LOADED = utc("2023-05-01 12:00")
NAMES = {type_: name for name, type_ in TYPE_OF.items()}


def groups(*told: Told, history: bool) -> list[Group]:
    return [tuple(replace(fact, history=history) for fact in group) for group in recorded(list(flat(told)))]


def fold(*recorded_groups: Group) -> list[ComplianceEvent]:
    partner = PartnerHistory("acorn", PARAMETERS)
    steps = [
        step
        for group in recorded_groups
        for step in (*partner.fire_timers(group[0].recorded_at), partner.record(group))
    ]
    return [event for step in (*steps, *partner.fire_timers(utc("2023-12-01 12:00"))) for event in step.events]


def marked(events: list[ComplianceEvent]) -> list[tuple[str, bool]]:
    return [(NAMES[event.type], msgspec.json.decode(event.data, type=ComplianceEventData).history) for event in events]


def team() -> list[Told]:
    return [enrolled("acorn", START), *certified("ines", "omar", partner="acorn", at=START)]


def test_what_follows_from_loaded_facts_is_marked_and_what_time_brings_is_not() -> None:
    """Loaded twenty days after the loss, the window still closes, and expires, in the present."""
    loaded = utc("2023-03-30 12:00")
    told = [*team(), leaves("omar", "acorn", LOSS, loaded)]
    events = marked(fold(*groups(*told, history=True)))
    assert ("replacement-window-opened", True) in events
    assert [name for name, history in events if not history] == [
        "replacement-window-closing", "replacement-window-closing", "replacement-window-expired", "selling-suspended",
    ]  # fmt: skip


def test_a_retraction_is_marked_only_if_what_it_takes_back_was() -> None:
    late_loss = leaves("omar", "acorn", LOSS, LOADED)
    rejoins = joins("nell", "acorn", utc("2023-03-20 09:00"), LOADED)
    told: list[Told] = [*team(), is_recognised("nell", START), late_loss, rejoins]
    for history_of_loss in (False, True):
        log = groups(*told, history=True)
        before, loss, link = log[:-2], log[-2], log[-1]
        loss = tuple(replace(fact, history=history_of_loss) for fact in loss)
        events = marked(fold(*before, loss, link))
        assert ("selling-suspended", history_of_loss) in events
        assert {history for name, history in events if name == "retracted"} == {history_of_loss}
        assert events[-1] == ("replacement-window-closed", True)


def test_a_rebuild_knows_what_was_marked() -> None:
    told = [*team(), leaves("omar", "acorn", LOSS, LOADED)]
    log = groups(*told, history=True)
    published = [
        PublishedEvent(event.event_id, event.type, event.effective_at, event.about, event.data) for event in fold(*log)
    ]
    standing = load_publication(published).standing.values()
    assert standing
    assert all(announcement.history for announcement in standing)
