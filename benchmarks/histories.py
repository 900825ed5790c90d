"""Writes a realistic history straight into an empty fact log: `python -m benchmarks.histories --facts 1000000`.

The same seed and size give the same facts. Decisions are those of certification's own rules. Partners
are generated one after the other on every core into a table of their own; PostgreSQL then puts the
facts into the order of recording and numbers them, so that memory does not grow with the history. A
million facts are about 12,000 partners and 55,000 consultants; a third of them concern compliance.
"""

import argparse
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, NamedTuple

import psycopg

from benchmarks.generated_partners import Population
from services.certification.domain.consultant import Consultant, evolve, follow
from services.certification.domain.fact_report import decided
from services.certification.event_store.append_request import Routing
from services.certification.event_store.streams import routing_of
from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft, ConsultantLinked, FactVoided
from shared.events.wire import encode, instant_text

FACTS_PER_PARTNER: Final = 82
PARTNERS_PER_TASK: Final = 200


class Row(NamedTuple):
    """A fact and where it lies."""

    fact: Fact
    routing: Routing


Group = tuple[Row, ...]
"""Facts appended together: what was reported, then what follows from it."""


def population_of(facts: int, seed: int) -> Population:
    """The population whose history has about this many facts."""
    return Population(seed, max(1, round(facts / FACTS_PER_PARTNER)))


def groups_of_partner(population: Population, number: int) -> Iterator[Group]:
    """Everything of one partner and of the people who start there; of each person by recording."""
    partner = population.partner(number)
    for fact in partner.own:
        yield (_row(fact, None, {}),)
    for consultant_id, facts in partner.people.items():
        yield from groups_of_person(consultant_id, facts)


def groups_of_person(consultant_id: str, facts: Iterable[Fact]) -> Iterator[Group]:
    """The facts of one person, each with the decisions that follow from it."""
    consultant = Consultant(consultant_id)
    routings: dict[str, Routing] = {}
    for fact in facts:
        group: tuple[Fact, ...] = (fact,)
        if not isinstance(fact.data, ConsultantLinked | ConsultantLeft):
            group += decided(fact, follow(consultant, fact))
            for each in group:
                consultant = evolve(consultant, each)
        found = tuple(_row(each, consultant_id, routings) for each in group)
        routings[fact.fact_id] = found[0].routing
        yield found


def _row(fact: Fact, consultant_id: str | None, routings: dict[str, Routing]) -> Row:
    voided = routings[fact.data.fact_id] if isinstance(fact.data, FactVoided) else None
    return Row(fact, routing_of(fact.data, consultant_id, voided))


# Into PostgreSQL -----------------------------------------------------------------------------

_STAGE: Final = """
CREATE UNLOGGED TABLE certification.generated (
    recorded_at timestamptz, group_id text COLLATE "C", place int, places int, originator_id text COLLATE "C",
    topic text, state bytea, fact_id text, effective_at timestamptz, partner_id text, into_partner_id text,
    consultant_id text, voided_fact_id text, content_hash bytea
)"""

_NUMBER: Final = """
INSERT INTO certification.stored_events (
    originator_id, originator_version, topic, state, notification_id, append_position, fact_id, recorded_at,
    effective_at, partner_id, into_partner_id, consultant_id, voided_fact_id, actor, idempotency_key, content_hash,
    held)
SELECT originator_id, row_number() OVER (PARTITION BY originator_id ORDER BY position), topic, state, position,
    position + places - place, fact_id, recorded_at, effective_at, partner_id, into_partner_id, consultant_id,
    voided_fact_id, CASE place WHEN 1 THEN 'benchmark' END, CASE place WHEN 1 THEN fact_id END, content_hash,
    CASE place WHEN 1 THEN false END
FROM (SELECT *, row_number() OVER (ORDER BY recorded_at, group_id, place) AS position
      FROM certification.generated) AS numbered
ORDER BY position"""


def write(database_url: str, facts: int, seed: int) -> int:
    """Fills the empty log of a migrated database, as its owner; returns how many facts there are.

    Raises `RuntimeError` where the log already holds facts.
    """
    population = population_of(facts, seed)
    with psycopg.connect(database_url, autocommit=True) as connection:
        if connection.execute("SELECT EXISTS (SELECT FROM certification.stored_events)").fetchone() != (False,):
            raise RuntimeError("the fact log is not empty: generate into a database of its own")
        connection.execute("DROP TABLE IF EXISTS certification.generated")
        connection.execute(_STAGE)
        _copy(connection, ((_row(fact, None, {}),) for fact in population.portal_changes))
        firsts = range(0, population.partners, PARTNERS_PER_TASK)
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            for _ in pool.map(_stage, *zip(*((database_url, facts, seed, first) for first in firsts), strict=True)):
                pass
        connection.execute("SET work_mem = '256MB'")
        connection.execute("SET max_parallel_workers_per_gather = 0")
        written = connection.execute(_NUMBER).rowcount
        connection.execute("DROP TABLE certification.generated")
        connection.execute("VACUUM (ANALYZE) certification.stored_events")
        return written


def _stage(database_url: str, facts: int, seed: int, first: int) -> None:
    population = population_of(facts, seed)
    last = min(first + PARTNERS_PER_TASK, population.partners)
    with psycopg.connect(database_url, autocommit=True) as connection:
        _copy(connection, (group for number in range(first, last) for group in groups_of_partner(population, number)))


def _copy(connection: psycopg.Connection, groups: Iterable[Group]) -> None:
    with connection.cursor().copy("COPY certification.generated FROM STDIN") as copy:
        for group in groups:
            for place, row in enumerate(group, start=1):
                copy.write(_line(row, group[0].fact.fact_id, place, len(group)))


def _line(row: Row, group_id: str, place: int, places: int) -> bytes:
    """A line of COPY; no id or instant needs an escape there, and bytes go as hex."""
    topic, state = encode(row.fact)
    voided_fact_id = row.fact.data.fact_id if isinstance(row.fact.data, FactVoided) else None
    content_hash = rf"\\x{hashlib.sha256(state).hexdigest()}" if place == 1 else None
    columns = (
        instant_text(row.fact.recorded_at),
        group_id,
        str(place),
        str(places),
        row.routing.originator_id,
        topic,
        rf"\\x{state.hex()}",
        row.fact.fact_id,
        instant_text(row.fact.effective_at),
        row.routing.partner_id,
        row.routing.into_partner_id,
        row.routing.consultant_id,
        voided_fact_id,
        content_hash,
    )
    return ("\t".join(r"\N" if column is None else column for column in columns) + "\n").encode()


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes a realistic history into an empty, migrated fact log.")
    parser.add_argument("--database-url", default=os.environ.get("SAGECERT_OWNER_DATABASE_URL"), help="of the owner")
    parser.add_argument("--facts", type=int, default=1_000_000, help="about how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not arguments.database_url:
        parser.error("--database-url or SAGECERT_OWNER_DATABASE_URL is needed")
    began = time.monotonic()
    written = write(arguments.database_url, arguments.facts, arguments.seed)
    print(f"{written:,} facts in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
