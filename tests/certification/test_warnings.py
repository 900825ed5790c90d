"""A recorded fact that changes nothing now says why, as far as certification knows (docs/decisions/0031)."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

import psycopg
import pytest

from services.compliance.policy.no_effect.facts_without_effect import facts_without_effect
from services.compliance.policy.parameters import Parameters
from shared.events import wire
from shared.events.envelope import Fact
from shared.events.facts import AttemptScored, CourseCompleted, RevocationOrdered, ScoreCorrected
from tests.certification.caller import Caller
from tests.certification.conftest import calling
from tests.certification.test_batches import Singly, tell
from tests.databases import Database
from tests.oracle.histories import seeded

KNOWN_AT_ONCE: Final = (AttemptScored, ScoreCorrected, RevocationOrdered)
"""Whatever changes nothing of these, and of courses without a portal change, is warned of."""


def logged(database: Database) -> list[Fact]:
    """The facts of the log, in order."""
    with psycopg.connect(database.owner_url) as connection:
        rows = connection.execute(
            "SELECT topic, state, notification_id, append_position FROM certification.stored_events"
            " ORDER BY notification_id"
        ).fetchall()
    return [wire.decode(*row) for row in rows]


def reasons_when_recorded(facts: Sequence[Fact]) -> dict[str, str | None]:
    """By fact id, why the fact changed nothing by what was known when it was recorded; None: it changed something."""
    found: dict[str, str | None] = {}
    for fact in facts:
        known = [other for other in facts if other.position <= fact.append_position]
        listed = {
            item.fact.fact_id: item.reason for item in facts_without_effect(known, fact.recorded_at, Parameters())
        }
        found[fact.fact_id] = listed.get(fact.fact_id)
    return found


def reason(answer: dict[str, Any]) -> str | None:
    """The reason of the warning, if there is one."""
    warnings = answer["body"].get("warnings", [{"reason": None}])
    assert len(warnings) == 1
    said: str | None = warnings[0]["reason"]
    return said


@pytest.mark.parametrize("seed", range(16))
async def test_a_warning_is_what_the_list_of_facts_without_effect_says(database: Database, seed: int) -> None:
    async with calling(database, sandbox=False) as caller:
        answers = await tell(Singly(caller), seeded(seed), Random(seed))
    facts = logged(database)
    by_id, listed = {fact.fact_id: fact for fact in facts}, reasons_when_recorded(facts)
    for answer in answers:
        if answer["status"] >= 300:
            continue
        fact, said = by_id[answer["body"]["fact_id"]], reason(answer)
        of_course = isinstance(fact.data, CourseCompleted) and fact.data.portal_change_id is None
        if said is not None or of_course or isinstance(fact.data, KNOWN_AT_ONCE):
            assert said == listed[fact.fact_id], fact


async def test_what_a_fact_waits_for_and_what_came_too_late_is_warned_of(caller: Caller) -> None:
    told = [
        await caller.course(),
        await caller.course(),
        await caller.course(effective_at="2020-01-01T00:00:00Z"),
        await caller.register("R1"),
        await caller.score("R1", 1, "90"),
        await caller.score("R1", 2, "95"),
        await caller.correct("R1", 1, "90.0"),
        await caller.score("R0", 1, "90"),
        await caller.post("partners/P1/closure", effective_at="2099-01-01T00:00:00Z"),
        await caller.post("certification-revocations", consultant_id="C9", product="S200P", reason="x"),
    ]
    assert [reason({"body": answer.json()}) for answer in told] == [
        "waits_for_pass",
        "course_already_completed",
        "waits_for_pass",
        None,
        None,
        "already_passed",
        "score_unchanged",
        "waits_for_registration",
        "takes_effect_later",
        "nothing_to_revoke",
    ]
    assert told[5].json()["warnings"] == [
        {"reason": "already_passed", "rule": "R7", "text": "An earlier attempt passed and ended the registration."}
    ]


async def test_a_repeated_call_repeats_the_warning(caller: Caller) -> None:
    """The first answer, though the course counts by now."""
    first = await caller.post("course-completions", key="k", consultant_id="C1", product="S200P")
    await caller.register("R1")
    await caller.score("R1", 1, "90")
    again = await caller.post("course-completions", key="k", consultant_id="C1", product="S200P")
    assert (again.status_code, again.json()) == (200, first.json())
    assert reason({"body": again.json()}) == "waits_for_pass"
