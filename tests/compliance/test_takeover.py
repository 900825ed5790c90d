"""Another policy takes over: what was published stays as it was and is corrected; nothing is sent twice."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import psycopg
import pytest

from services.compliance.database import OwnConnection, connect
from services.compliance.policy.parameters import PARAMETERS, Parameters, parameters_for
from services.compliance.policy.published_state import PublicationState, PublishedEvent, load_publication
from services.compliance.projection import rebuild
from services.compliance.projection.batch import Limits, Projector
from services.compliance.projection.rebuild import Rebuilt
from services.compliance.settings import ComplianceSettings
from services.web.refusal import EngineNotInstalled
from tests.compliance.log import OURS, Group, Log, as_follower, compliance_log, install, settings_for
from tests.compliance.seed import population
from tests.databases import Database
from tests.oracle.histories import seeded
from tests.policy.fact_log import recorded

LONGER = Parameters(version="longer", window_days=45)
STRICTER = Parameters(version="stricter", minimum={"VAR": 3, "DEVELOPER": 2}, window_days=10)
FEWER = parameters_for(PARAMETERS.products[:1], "fewer")
LONG_AFTER = timedelta(days=400)


class Longer(ComplianceSettings):
    """A deployment whose windows last 45 days."""

    @property
    def parameters(self) -> Parameters:
        return LONGER


class Stricter(ComplianceSettings):
    """A deployment that asks for more consultants, and sooner."""

    @property
    def parameters(self) -> Parameters:
        return STRICTER


class Fewer(ComplianceSettings):
    """A deployment that has taken a product off sale."""

    @property
    def parameters(self) -> Parameters:
        return FEWER


POLICIES: list[type[ComplianceSettings]] = [Longer, Stricter, Fewer]


def history(seed: int) -> list[Group]:
    return [group for group in recorded(seeded(seed)) if group]


class Following:
    """A database whose log is written and followed."""

    def __init__(self, connection: OwnConnection, log: Log) -> None:
        self.connection = connection
        self._log = log

    async def follow(self, groups: Sequence[Group], parameters: Parameters) -> None:
        self._log.write(groups)
        await Projector(self.connection, parameters, "test").advance_fully(None)

    async def finish(self, groups: Sequence[Group], parameters: Parameters) -> None:
        """Lets every timer fire."""
        await Projector(self.connection, parameters, "test").advance_fully(groups[-1][0].recorded_at + LONG_AFTER)

    async def events(self) -> list[asyncpg.Record]:
        return await compliance_log(self.connection)


@asynccontextmanager
async def following(database: Database) -> AsyncIterator[Following]:
    connection = await connect(as_follower(settings_for(database)))
    try:
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            yield Following(connection, Log(owner))
    finally:
        await connection.close()


@pytest.fixture
async def one(database: Database) -> AsyncIterator[Following]:
    """Where the policy changes."""
    async with following(database) as found:
        yield found


@pytest.fixture
async def always(sandbox_database: Database) -> AsyncIterator[Following]:
    """Where the later policy was in force from the beginning."""
    async with following(sandbox_database) as found:
        yield found


async def rebuilt(
    database: Database,
    kind: type[ComplianceSettings],
    *,
    verify: bool = False,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Rebuilt:
    settings = kind.model_validate({"database_url": database.compliance_url})
    install(database, settings.parameters.version)
    return await asyncio.to_thread(
        rebuild.run, settings, database.owner_url, verify=verify, on_progress=on_progress, processes=1
    )


def publications(events: Sequence[asyncpg.Record]) -> dict[str, PublicationState]:
    of: dict[str, list[PublishedEvent]] = defaultdict(list)
    for event in events:
        said = PublishedEvent(*(event[name] for name in ("event_id", "type", "effective_at", "about", "data")))
        of[event["partner_id"]].append(said)
    return {partner_id: load_publication(said) for partner_id, said in of.items()}


def told(events: Sequence[asyncpg.Record]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What whoever took the events in order holds: the announcements that stand (but reminders), and the standings."""
    held = publications(events)
    return (
        {
            partner_id: {one for one in said.standing if one.name != "replacement-window-closing"}
            for partner_id, said in held.items()
        },
        {partner_id: said.standings for partner_id, said in held.items()},
    )


@pytest.mark.parametrize("kind", POLICIES)
@pytest.mark.parametrize("seed", range(6))
async def test_what_was_published_is_kept_and_corrected(
    database: Database, one: Following, always: Following, kind: type[ComplianceSettings], seed: int
) -> None:
    groups, parameters = history(seed), kind.model_validate({"database_url": "postgresql://x"}).parameters
    await one.follow(groups, PARAMETERS)
    before = await one.events()
    await always.follow(groups, parameters)

    corrected = await rebuilt(database, kind)

    after = await one.events()
    assert after[: len(before)] == before
    assert [event["position"] for event in after] == list(range(1, len(after) + 1))
    assert corrected.corrections == len(after) - len(before)
    assert told(after) == told(await always.events())


async def test_who_follows_by_the_engine_before_meanwhile_derives_nothing(database: Database, one: Following) -> None:
    """Neither stands in the way of the other."""
    groups = history(1)
    await one.follow(groups[:-1], PARAMETERS)

    async def follow() -> None:
        async with following(database) as other:
            await other.follow(groups[-1:], PARAMETERS)

    with ThreadPoolExecutor() as threads:
        meanwhile: list[Future[None]] = []

        def on_progress(message: str) -> None:
            if message.startswith("what was published"):
                meanwhile.append(threads.submit(asyncio.run, follow()))
            elif meanwhile and message.startswith("numbering"):
                wait(meanwhile, timeout=30)

        await rebuilt(database, Longer, on_progress=on_progress)
        with pytest.raises(EngineNotInstalled):
            meanwhile[0].result()
    await one.follow([], LONGER)
    events = await one.events()
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    assert (await rebuilt(database, Longer, verify=True)).differences == ()


@pytest.mark.parametrize("seed", range(10, 18))
async def test_the_new_policy_goes_on_from_there(
    database: Database, one: Following, always: Following, seed: int
) -> None:
    groups = history(seed)
    middle = len(groups) // 2
    await one.follow(groups[:middle], PARAMETERS)
    await rebuilt(database, Longer)
    await always.follow(groups, LONGER)

    for group in groups[middle:]:
        await one.follow([group], LONGER)
    for both in (one, always):
        await both.finish(groups, LONGER)

    events = await one.events()
    assert told(events) == told(await always.events())
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["event_id"] for event in events}) == len(events)
    assert (await rebuilt(database, Longer, verify=True)).differences == ()


async def test_rebuilding_again_and_back_publishes_corrections_only(database: Database, one: Following) -> None:
    groups = population(25)
    await one.follow(groups, PARAMETERS)
    await one.finish(groups, PARAMETERS)
    by_the_first = await one.events()

    for kind in (Longer, Stricter, Fewer, ComplianceSettings):
        assert (await rebuilt(database, kind)).corrections > 0
        corrected = await one.events()
        assert (await rebuilt(database, kind)).corrections == 0
        assert await one.events() == corrected

    assert told(corrected) == told(by_the_first)
    upgrades = await one.connection.fetch("SELECT engine_id FROM policy_upgrade ORDER BY number")
    assert [row["engine_id"] for row in upgrades] == ["longer", "stricter", FEWER.version, OURS.version]


async def test_every_correction_names_the_engine_as_its_cause(database: Database, one: Following) -> None:
    await one.follow(history(4), PARAMETERS)
    published = await one.events()
    corrected = await rebuilt(database, Stricter)
    corrections = [msgspec.json.decode(event["data"]) for event in (await one.events())[len(published) :]]
    assert corrected.corrections == len(corrections) > 0
    assert {tuple(correction["fact_ids"]) for correction in corrections} == {("installed-stricter",)}


async def test_what_the_same_engine_published_otherwise_is_altered_and_not_corrected(
    database: Database, one: Following
) -> None:
    """There is no cause that a correction could name."""
    await one.follow(history(5), OURS)
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        superuser.execute("ALTER TABLE compliance.compliance_event DISABLE TRIGGER append_only")
        superuser.execute(
            "UPDATE compliance.compliance_event SET effective_at = effective_at - interval '1 day'"
            " WHERE type LIKE '%minimum-reached%'"
        )
    published = await one.events()

    with pytest.raises(rebuild.Unexplained, match="facts or compliance events were altered"):
        await rebuilt(database, ComplianceSettings)

    assert await one.events() == published


@pytest.mark.parametrize("place", ["min(position)", "max(position) / 2", "max(position) / 2 + 1", "max(position)"])
async def test_one_event_that_differs_is_found_wherever_it_is(database: Database, one: Following, place: str) -> None:
    """The events are compared in parts."""
    await one.follow(history(5), OURS)
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        superuser.execute("ALTER TABLE compliance.compliance_event DISABLE TRIGGER append_only")
        superuser.execute(
            f"UPDATE compliance.compliance_event SET about = about || '.' WHERE position = (SELECT {place}"
            " FROM compliance.compliance_event)"
        )

    with pytest.raises(rebuild.Unexplained):
        await rebuilt(database, ComplianceSettings)


async def test_another_engine_than_the_one_installed_derives_nothing(database: Database, one: Following) -> None:
    install(database, "longer")
    with pytest.raises(EngineNotInstalled, match="engine longer is installed"):
        await one.follow(history(4), OURS)
    settings = ComplianceSettings.model_validate({"database_url": database.compliance_url})
    with pytest.raises(EngineNotInstalled):
        await asyncio.to_thread(rebuild.run, settings, database.owner_url, verify=True, processes=1)
    assert await one.events() == []


async def test_a_step_that_was_half_done_is_finished_by_the_new_policy(
    database: Database, one: Following, always: Following
) -> None:
    """The cursor lies inside a step that touches several partners when the policy changes."""
    groups = population(25)
    await always.follow(groups, LONGER)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        Log(owner).write(groups)
    projector = Projector(one.connection, PARAMETERS, "test", limits=Limits(partners_max=1))
    advanced = await projector.advance(None)
    while advanced is not None and advanced.end.complete:
        advanced = await projector.advance(None)
    assert advanced is not None, "no step touched two partners"

    await rebuilt(database, Longer)
    await Projector(one.connection, LONGER, "test").advance_fully(None)

    assert told(await one.events()) == told(await always.events())
    assert (await rebuilt(database, Longer, verify=True)).differences == ()
