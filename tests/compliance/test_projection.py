"""The projection is a function of the fact log and the clock: how it came about never shows."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from random import Random

import psycopg
import pytest
from msgspec.structs import replace

from services.compliance.database import OwnConnection, connect
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.projection import batch, rebuild
from services.compliance.projection.batch import LIMITS, Limits, Projector
from services.compliance.projection.rebuild import Rebuilt
from services.compliance.projection.wide_step_workers import ReplayWorkers, StepRange
from services.compliance.read_model.rows import PartnerRows
from shared.events.facts import ConsultantLinked, FactVoided, PortalChangeDeclared
from tests.compliance.log import OURS, Group, Log, as_follower, compliance_log, settings_for, shuffled_sizes
from tests.compliance.seed import BEGIN, SeedFacts
from tests.databases import Database
from tests.oracle.histories import seeded
from tests.policy.fact_log import recorded
from tests.policy.test_affected_partners import log

MICROSECOND = timedelta(microseconds=1)
LONG_AFTER = timedelta(days=400)


def history(seed: int) -> list[Group]:
    """What certification records of a random history with late, voided, corrected and repeated facts."""
    return [group for group in recorded(seeded(seed)) if group]


def mergers(random: Random) -> list[Group]:
    """Two people between six partners that end and merge, again and again, in circles and voided."""
    voided = set[str]()
    groups: list[Group] = []
    for fact in log(random):
        if isinstance(fact.data, FactVoided):
            if fact.data.fact_id in voided:
                continue
            voided.add(fact.data.fact_id)
        position = len(groups) + 1
        groups.append((replace(fact, position=position, append_position=position),))
    return groups


async def follow(
    database: Database,
    groups: Sequence[Group],
    sizes: Sequence[int],
    *,
    barriers: bool,
    limits: Limits = LIMITS,
) -> None:
    """Follows the log while it grows by so many groups at a time, with a barrier before each growth if wanted."""
    connection = await connect(as_follower(settings_for(database)))
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        log = Log(owner)
        projector = Projector(connection, OURS, "test", limits=limits)
        for part in shuffled_sizes(len(groups), sizes):
            coming = groups[part]
            if barriers:
                await projector.advance_fully(coming[0][0].recorded_at - MICROSECOND)
            log.write(coming)
            await projector.advance_fully(None)
    await finish(connection, groups)
    await connection.close()


async def finish(connection: OwnConnection, groups: Sequence[Group]) -> None:
    """Lets every timer fire."""
    await Projector(connection, OURS, "test").advance_fully(groups[-1][0].recorded_at + LONG_AFTER)


def verify(database: Database) -> Rebuilt:
    return rebuild.run(settings_for(database), database.owner_url, verify=True, processes=1)


@pytest.mark.parametrize("seed", range(12))
async def test_a_rebuild_from_nothing_is_the_same_to_the_byte(database: Database, seed: int) -> None:
    await follow(database, history(seed), [1 + seed % 3], barriers=bool(seed % 2))

    rebuilt = await asyncio.to_thread(verify, database)

    assert rebuilt.differences == ()
    assert rebuilt.events > 0


@pytest.mark.parametrize("seed", range(20, 28))
async def test_batches_and_slices_never_show(database: Database, seed: int) -> None:
    random, groups = Random(seed), history(seed)
    sizes = [random.randint(1, 9) for _ in range(3)]
    limits = Limits(facts_max=random.choice([1, 2, 5]), partners_max=random.choice([1, 2]))
    barriers = random.random() < 0.5
    await follow(database, groups, sizes, barriers=barriers, limits=limits)

    rebuilt = await asyncio.to_thread(verify, database)

    assert rebuilt.differences == ()


@pytest.mark.parametrize("seed", range(80, 86))
async def test_what_takes_too_long_is_taken_in_parts(database: Database, seed: int) -> None:
    """Every batch that can be smaller is given up for a smaller one, with the histories that went further."""
    random, groups = Random(seed), history(seed - 60)
    sizes = [random.randint(3, 9) for _ in range(3)]
    limits = Limits(seconds_max=0, unnamed_max=random.choice([0, 64]), facts_max=40)
    await follow(database, groups, sizes, barriers=bool(seed % 2), limits=limits)

    rebuilt = await asyncio.to_thread(verify, database)

    assert rebuilt.differences == ()
    assert rebuilt.events > 0


@pytest.mark.parametrize("seed", range(40, 60))
async def test_what_is_kept_between_batches_never_shows(database: Database, seed: int) -> None:
    """Group by group, with the timers between, on one projector that keeps every history."""
    await follow(database, history(seed - 40 if seed % 2 else seed), [1], barriers=True)

    rebuilt = await asyncio.to_thread(verify, database)

    assert rebuilt.differences == ()


@pytest.mark.parametrize("seed", range(60, 72))
async def test_whom_a_fact_does_not_concern_is_left_alone(database: Database, seed: int) -> None:
    """No, some or every history is kept; of every batch the partners that it cannot concern are left out."""
    random = Random(seed)
    groups = history(seed - 60 if seed % 2 else seed)
    sizes = [random.randint(1, 4) for _ in range(3)]
    limits = Limits(facts_kept_max=random.choice([0, 60, 150_000]), unnamed_max=0)
    await follow(database, groups, sizes, barriers=random.random() < 0.5, limits=limits)

    rebuilt = await asyncio.to_thread(verify, database)

    assert rebuilt.differences == ()


@pytest.mark.parametrize("seed", [*range(7), 19])
async def test_mergers_of_partners_with_the_same_people_never_show(database: Database, seed: int) -> None:
    random = Random(seed)
    groups = mergers(random)
    limits = Limits(unnamed_max=0, facts_kept_max=random.choice([150, 150_000]))
    await follow(database, groups, [1, 1, random.randint(1, 4)], barriers=bool(seed % 2), limits=limits)

    rebuilt = await asyncio.to_thread(verify, database)

    assert rebuilt.differences == ()
    assert rebuilt.events > 0


async def test_a_batch_of_kept_histories_reads_once_and_writes_once(database: Database) -> None:
    """Somebody who is certified already joins a partner whose history is kept."""
    told = SeedFacts()
    told.var(BEGIN, "P")
    told.certified(BEGIN, "C")
    told.tell(BEGIN, ConsultantLinked("P", "C"))
    *before, last = told.groups
    connection = await connect(as_follower(settings_for(database)))
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        projector, statements = Projector(connection, OURS, "test"), list[str]()
        Log(owner).write(before)
        await projector.advance_fully(None)
        Log(owner).write([last])
        with connection.query_logger(lambda query: statements.append(query.query)):
            assert await projector.advance_fully(None)
        events = await compliance_log(connection)
    await connection.close()

    assert len(statements) == 2
    assert events[-1]["fact_position"] == last[0].position


async def test_what_other_processes_derive_is_the_same_to_the_byte(database: Database) -> None:
    groups, settings = history(31), as_follower(settings_for(database))
    connection = await connect(settings)
    with psycopg.connect(database.owner_url, autocommit=True) as owner, closing(ReplayWorkers(settings, 2)) as derivers:
        log = Log(owner)
        projector = Projector(connection, OURS, "test", derivers=derivers, limits=Limits(partners_here_max=0))
        for group in groups:
            log.write([group])
            await projector.advance_fully(group[0].recorded_at - MICROSECOND)
    await finish(connection, groups)
    await connection.close()

    rebuilt = await asyncio.to_thread(verify, database)

    assert rebuilt.differences == ()


async def test_the_next_slice_of_a_step_is_derived_while_one_is_written(database: Database) -> None:
    calls: list[tuple[str, object]] = []

    class Watched(ReplayWorkers):
        def begin(self, partner_ids: Sequence[str], steps: StepRange) -> None:
            calls.append(("begin", (partner_ids, steps)))
            super().begin(partner_ids, steps)

        async def derive(self, partner_ids: Sequence[str], steps: StepRange) -> list[PartnerRows]:
            calls.append(("derive", (partner_ids, steps)))
            return await super().derive(partner_ids, steps)

    seed = SeedFacts()
    for number in range(5):
        seed.var(BEGIN, f"P{number}")
    due_on = BEGIN.date() + timedelta(days=60)
    seed.tell(BEGIN, PortalChangeDeclared("CH1", ("S200P",), True, due_on, "a change"))
    settings = as_follower(settings_for(database))
    connection = await connect(settings)
    limits = Limits(partners_here_max=0, partners_max=2, facts_kept_max=0)
    with psycopg.connect(database.owner_url, autocommit=True) as owner, closing(Watched(settings, 2)) as derivers:
        log = Log(owner)
        log.write(seed.groups[:-1])
        projector = Projector(connection, OURS, "test", derivers=derivers, limits=limits)
        await projector.advance_fully(None)
        log.write(seed.groups[-1:])
        await projector.advance_fully(None)
    await finish(connection, seed.groups)
    await connection.close()

    names, asked = zip(*calls, strict=True)
    assert names == ("derive", "begin", "derive", "begin", "derive")
    assert (asked[1], asked[3]) == (asked[2], asked[4])
    assert (await asyncio.to_thread(verify, database)).differences == ()


async def test_the_log_of_compliance_events_is_numbered_without_gaps_in_the_order_of_all_steps(
    database: Database,
) -> None:
    await follow(database, history(3), [4], barriers=True)
    connection = await connect(as_follower(settings_for(database)))
    events = await compliance_log(connection)
    await connection.close()

    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    keys = [(event["recorded_at"], event["fact_position"], event["partner_id"]) for event in events]
    assert all(before <= after for before, after in pairwise(keys))
    assert len({event["event_id"] for event in events}) == len(events)


async def test_a_rebuild_is_taken_into_use_while_a_follower_runs(database: Database) -> None:
    groups = history(5)
    await follow(database, groups, [3], barriers=False)
    connection = await connect(as_follower(settings_for(database)))
    before = await compliance_log(connection)

    await asyncio.to_thread(rebuild.run, settings_for(database), database.owner_url, verify=False, processes=1)

    assert await compliance_log(connection) == before
    await finish(connection, groups)
    schemas = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'compliance%'")
    await connection.close()
    assert [row["nspname"] for row in schemas] == ["compliance"]


async def test_what_another_policy_derived_is_not_gone_on_with(database: Database) -> None:
    groups = history(6)
    await follow(database, groups, [9], barriers=False)
    connection = await connect(as_follower(settings_for(database)))
    other = type(PARAMETERS)(version="other", window_days=31)

    with pytest.raises(batch.DerivedByAnotherEngine, match="sagecert compliance rebuild"):
        await Projector(connection, other, "test").advance_fully(None)
    await connection.close()


async def test_verifying_names_what_is_not_as_the_facts_have_it(database: Database) -> None:
    await follow(database, history(4), [5], barriers=False)
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        superuser.execute("ALTER TABLE compliance.compliance_event DISABLE TRIGGER append_only")
        superuser.execute("UPDATE compliance.compliance_event SET about = 'forged' WHERE position = 2")
        superuser.execute("DELETE FROM compliance.standing WHERE product = 'S200S'")

    rebuilt = await asyncio.to_thread(verify, database)

    assert [difference.partition(":")[0] for difference in rebuilt.differences] == ["compliance_event", "standing"]
    assert "from number 1" in rebuilt.differences[0]


async def test_a_statement_of_a_rebuild_may_take_longer_than_one_of_a_service(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await follow(database, history(4), [5], barriers=False)
    monkeypatch.setattr("services.compliance.database.DEADLINE_SECONDS", 0.3)
    with psycopg.connect(database.superuser_url) as superuser:
        superuser.execute("LOCK TABLE certification.stored_events IN ACCESS EXCLUSIVE MODE")
        verifying = asyncio.create_task(asyncio.to_thread(verify, database))
        await asyncio.sleep(1)
        superuser.rollback()

    assert (await verifying).differences == ()


async def test_two_rebuilds_at_once_are_refused(database: Database) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('sagecert compliance rebuild'))")
        with pytest.raises(rebuild.AlreadyRebuilding):
            await asyncio.to_thread(verify, database)
