"""What was once announced is announced again, byte for byte, by every later version of the same policy.

`golden_replay/facts.jsonl` is a log as it was stored: a fact of every kind, late ones, voids, corrections.
`golden_replay/compliance_events.jsonl` is what followed from it: subscribers hold these ids.
`golden_replay/answers.jsonl` is what was answered: auditors wrote it down.
"""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from services.compliance.policy.answers_from_facts import partner_segment
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.step_position import LAST_PARTNER, StepPosition
from services.compliance.projection.replay import derive
from shared.events import wire
from shared.events.compliance_events import TYPE_OF
from shared.events.envelope import Fact

FOLDER: Final = Path(__file__).parent / "golden_replay"
PARTNERS: Final = ("P1", "P2", "P3", "P4")
INSTANTS: Final = (
    datetime(2022, 1, 20, tzinfo=UTC),
    datetime(2022, 4, 10, tzinfo=UTC),
    datetime(2022, 5, 20, 9, tzinfo=UTC),
    datetime(2022, 7, 1, tzinfo=UTC),
)
POSITIONS: Final = (12, 24, 41)
END: Final = StepPosition(datetime(2022, 8, 1, tzinfo=UTC), 0, LAST_PARTNER)


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def facts() -> list[Fact]:
    return [
        wire.decode(row["topic"], row["state"].encode(), row["position"], row["append_position"])
        for row in lines("facts.jsonl")
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
    assert PARAMETERS.version == "2021-08", "another policy version announces otherwise: give it a folder of its own"
    published = lines("compliance_events.jsonl")
    for before, now in zip(published, announced(), strict=True):
        assert now == before, (
            f"event {before['sequence']} was published otherwise: a rebuild would announce things twice. "
            "Either the change is a mistake, or it is another policy version."
        )


def test_the_replay_announces_every_kind_of_event() -> None:
    assert {event["type"] for event in lines("compliance_events.jsonl")} == set(TYPE_OF.values())


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
