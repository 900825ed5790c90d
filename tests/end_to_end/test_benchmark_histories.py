"""The realistic histories that the benchmarks run on are logs such as certification writes."""

import psycopg

from benchmarks import histories
from tests.databases import Database

FACTS = 3_000

_POSITIONS = """
SELECT count(*), min(notification_id), max(notification_id) FROM certification.stored_events
"""
_OUT_OF_ORDER = """
SELECT count(*) FROM (
    SELECT notification_id, append_position, recorded_at, originator_version,
        lag(recorded_at) OVER log AS recorded_before,
        row_number() OVER (PARTITION BY originator_id ORDER BY notification_id) AS version,
        first_value(append_position) OVER (PARTITION BY recorded_at ORDER BY notification_id) AS of_group
    FROM certification.stored_events WINDOW log AS (ORDER BY notification_id)
) facts
WHERE recorded_before > recorded_at OR version <> originator_version OR append_position < notification_id
    OR append_position <> of_group
"""


def test_a_generated_history_is_a_log(database: Database, owner: psycopg.Connection) -> None:
    """Positions and versions without gaps, recorded in order, groups whole."""
    written = histories.write(database.owner_url, FACTS, seed=7)
    assert owner.execute(_POSITIONS).fetchone() == (written, 1, written)
    assert owner.execute(_OUT_OF_ORDER).fetchone() == (0,)
    assert abs(written - FACTS) < FACTS / 2


def test_the_same_seed_gives_the_same_history() -> None:
    """Each partner by itself, in whatever order they are made."""
    one, again = histories.population_of(FACTS, seed=7), histories.population_of(FACTS, seed=7)
    for number in (5, 0):
        assert list(histories.groups_of_partner(one, number)) == list(histories.groups_of_partner(again, number))
    other = histories.population_of(FACTS, seed=8)
    assert list(histories.groups_of_partner(one, 0)) != list(histories.groups_of_partner(other, 0))
