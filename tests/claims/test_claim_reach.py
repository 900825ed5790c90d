"""Where the claims end that earlier facts bear out: found without walking the claims."""

import random
from pathlib import Path
from typing import Any, Final

import psycopg

from services.audit import export, sealed_log
from services.web.statements import statements

FIRST_LATER: Final = (
    statements(export.__file__)["first_later_claim"].replace("$1", "%(facts)s").replace("$2", "%(engines)s")
)
WALKING: Final = """
    SELECT c.number, c.position FROM audit.claim c
    WHERE c.position > %(facts)s OR c.engine = ANY (%(engines)s::text[])
    ORDER BY c.number LIMIT 1
"""
MIGRATION: Final = Path(sealed_log.__file__).parent / "migrations/versions/0006_claim_reach.sql"
REACH: Final = "SELECT engine, position, number FROM audit.claim_reach ORDER BY number"


def record(owner: psycopg.Connection, claims: list[tuple[int, str]]) -> None:
    """A claim for each position and engine, in one batch as the service writes them."""
    owner.execute(
        """
        INSERT INTO audit.claim (
            number, partner_id, product, customer, allowed, at, position, policy_id, engine, actor, recorded_at)
        SELECT (SELECT count(*) FROM audit.claim) + c.place, 'P1', 'S200P', 'new', true,
            '2026-04-02T09:00Z'::timestamptz + ((SELECT count(*) FROM audit.claim) + c.place) * interval '1 minute',
            c.position, '2021-08', c.engine, 'portal', now()
        FROM unnest(%s::bigint[], %s::text[]) WITH ORDINALITY c (position, engine, place)
        """,
        [[position for position, _ in claims], [engine for _, engine in claims]],
    )


def found(owner: psycopg.Connection, statement: str, facts: int, engines: list[str]) -> Any:
    return owner.execute(statement.encode(), {"facts": facts, "engines": engines}).fetchone()


def test_the_first_claim_of_a_later_fact_or_engine_is_the_one_that_a_walk_finds(owner: psycopg.Connection) -> None:
    drawn = random.Random(7)
    assert found(owner, FIRST_LATER, 3, []) is None, "no claim"
    reached = 0
    for _ in range(12):
        reached += drawn.randrange(4)
        engines = [drawn.choice("abc") for _ in range(drawn.randrange(6))]
        record(owner, [(max(0, reached + drawn.randrange(-5, 3)), engine) for engine in engines])
        for facts in range(reached + 4):
            for later in ([], ["b"], ["a", "z"], ["a", "b", "c"]):
                asked = facts, later
                assert found(owner, FIRST_LATER, *asked) == found(owner, WALKING, *asked), asked


def test_it_reads_a_row_of_each_engine_however_many_claims_there_are(owner: psycopg.Connection) -> None:
    for engine in ("a", "b"):
        record(owner, [(position // 4, engine) for position in range(4_000)])
    owner.execute("ANALYZE audit.claim_reach")
    for facts, later in ((998, []), (5, []), (5_000, []), (5, ["b"])):
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF, SUMMARY OFF) {FIRST_LATER}"
        ((plan,),) = found(owner, explain, facts, list(later))
        assert rows_read(plan["Plan"]) <= 30, (facts, later)
        assert "audit.claim" not in str(plan).replace("claim_reach", "")


def rows_read(node: dict[str, Any]) -> int:
    """The rows of each scan, those that it read in vain included."""
    own = node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    return int(own) + sum(map(rows_read, node.get("Plans", [])))


def test_claims_from_before_are_found_as_well(owner: psycopg.Connection) -> None:
    record(owner, [(4, "a"), (2, "a"), (4, "b"), (9, "a"), (9, "a"), (7, "b")])
    noted = owner.execute(REACH).fetchall()
    assert noted == [("a", 4, 1), ("b", 4, 3), ("a", 9, 4), ("b", 7, 6)]
    owner.execute("DELETE FROM audit.claim_reach")
    _, begin, filling = MIGRATION.read_text(encoding="utf-8").partition("INSERT INTO audit.claim_reach")
    _, begin, filling = filling.partition("INSERT INTO audit.claim_reach")
    owner.execute((begin + filling.partition("\n\n")[0]).encode())
    assert owner.execute(REACH).fetchall() == noted
