"""What was once announced is announced again, byte for byte, by every later version of the same rules.

`golden_replay/` has a folder for each version of the rules. `facts.jsonl` is a log as it was stored: a fact of every
kind, late ones, voids, corrections, revisions of the policy. `compliance_events.jsonl` is what followed from it:
subscribers hold these ids. `answers.jsonl` is what was answered: auditors wrote it down.
"""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from services.compliance.policy.answers_from_facts import partner_segment
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.published_state import PublishedEvent, load_publication
from services.compliance.policy.step_position import LAST_PARTNER, StepPosition
from services.compliance.projection.replay import PriorPublication, derive
from shared.events import wire
from shared.events.compliance_events import TYPE_OF
from shared.events.envelope import Fact

REPLAYS: Final = Path(__file__).parent / "golden_replay"
FOLDER: Final = REPLAYS / PARAMETERS.version
PARTNERS: Final = ("P1", "P2", "P3", "P4")
INSTANTS: Final = (
    datetime(2022, 1, 20, tzinfo=UTC),
    datetime(2022, 4, 10, tzinfo=UTC),
    datetime(2022, 5, 20, 9, tzinfo=UTC),
    datetime(2022, 7, 1, tzinfo=UTC),
    datetime(2022, 7, 12, tzinfo=UTC),
)
POSITIONS: Final = (12, 24, 41, 44)
END: Final = StepPosition(datetime(2022, 8, 1, tzinfo=UTC), 0, LAST_PARTNER)


def lines(name: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def facts(folder: Path = FOLDER) -> list[Fact]:
    return [
        wire.decode(row["topic"], row["state"].encode(), row["position"], row["append_position"])
        for row in lines("facts.jsonl", folder)
    ]


def announced() -> list[dict[str, Any]]:
    """The log of compliance events that follows from the facts, in its one order."""
    log = facts()
    rows = sorted(row for partner_id in PARTNERS for row in derive(partner_id, log, None, END, PARAMETERS).events)
    return [
        {
            "sequence": sequence,
            "event_id": row.event.event_id,
            "type": row.event.type,
            "partner_id": row.event.partner_id,
            "effective_at": wire.instant_text(row.event.effective_at),
            "recorded_at": wire.instant_text(row.event.recorded_at),
            "subject": row.event.about,
            "data": row.event.data.decode(),
        }
        for sequence, row in enumerate(rows, start=1)
    ]


def test_the_same_facts_announce_the_same_bytes_for_ever() -> None:
    assert FOLDER.is_dir(), "other rules announce otherwise: give them a folder of their own"
    published = lines("compliance_events.jsonl")
    for before, now in zip(published, announced(), strict=True):
        assert now == before, (
            f"event {before['sequence']} was published otherwise: a rebuild would announce things twice. "
            "Either the change is a mistake, or it is another engine."
        )


def test_the_replay_announces_every_kind_of_event() -> None:
    assert {event["type"] for event in lines("compliance_events.jsonl")} == set(TYPE_OF.values())


@pytest.mark.parametrize("folder", sorted(REPLAYS.iterdir()), ids=lambda folder: folder.name)
def test_what_earlier_rules_announced_needs_no_correction(folder: Path) -> None:
    """Subscribers hear nothing of a new release: what it says more of a window or an event was true before."""
    published: dict[str, list[PublishedEvent]] = {partner_id: [] for partner_id in PARTNERS}
    for row in lines("compliance_events.jsonl", folder):
        effective_at = datetime.fromisoformat(row["effective_at"])
        event = PublishedEvent(row["event_id"], row["type"], effective_at, row["subject"], row["data"].encode())
        published[row["partner_id"]].append(event)
    for partner_id, events in published.items():
        past = PriorPublication(END, load_publication(events), ())
        assert derive(partner_id, facts(folder), None, END, PARAMETERS, past).events == []


def answers() -> list[dict[str, Any]]:
    """What is answered as of some instants and positions: values, rules and facts; the wording may improve."""
    log = facts()
    asked = itertools.product(PARTNERS, PARAMETERS.products, INSTANTS, POSITIONS)
    return [
        {
            "partner_id": partner_id,
            "product": product,
            "at": wire.instant_text(at),
            "position": position,
            "standing": json.loads(msgspec.json.encode(segment.standing)),
            "because": [[reason.rule, *reason.fact_ids] for reason in segment.reasons],
            "next_change_at": segment.next_change_at and wire.instant_text(segment.next_change_at),
        }
        for partner_id, product, at, position in asked
        if (segment := partner_segment(log[:position], partner_id, product, at, PARAMETERS)) is not None
    ]


def test_the_same_question_has_the_same_answer_for_ever() -> None:
    """R31: the same (at, position), the same values, rules and facts."""
    given = lines("answers.jsonl")
    for before, now in zip(given, answers(), strict=True):
        assert now == before, f"{before['partner_id']} {before['product']} at {before['at']} was answered otherwise"
