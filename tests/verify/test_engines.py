"""Another engine corrects what was published: an export is derived again, and says what went by other rules."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace as replace_export
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from psycopg import Connection

from sagecert_verify.archive import members
from sagecert_verify.command import main
from services.cli.audit_commands import _shown
from services.compliance.database import connect
from services.compliance.policy.parameters import Parameters, parameters_for
from services.compliance.projection import rebuild
from services.compliance.projection.batch import Limits, Projector
from services.compliance.settings import ComplianceSettings
from services.host.export_file import write_export
from shared.events.envelope import Fact
from shared.events.system_facts import EngineInstalled
from tests.audit.seals import audit_settings, seal
from tests.compliance.log import Group, Log, as_follower, settings_for
from tests.databases import Database
from tests.oracle.histories import PRODUCTS, seeded
from tests.policy.fact_log import recorded
from tests.verify.exports import LOGS, Export, claim_entries, edited, write

DIGEST = sha256(b"policy").hexdigest()
LONG_AFTER = timedelta(days=400)


def engine(name: str, products: Sequence[str] = PRODUCTS) -> EngineInstalled:
    said = "\n".join((name, DIGEST, "2026.1", *products))
    return EngineInstalled(sha256(said.encode()).hexdigest()[:16], name, DIGEST, "2026.1", tuple(products))


OURS = engine("ours")
RULES = {
    "longer": Parameters(version=engine("longer").engine_id, window_days=45),
    "stricter": Parameters(version=engine("stricter").engine_id, minimum={"VAR": 3, "DEVELOPER": 2}, window_days=10),
    "fewer": parameters_for(PRODUCTS[:1], engine("fewer", PRODUCTS[:1]).engine_id),
    "same": Parameters(version=engine("same").engine_id),
    "ours": Parameters(version=OURS.engine_id),
}
ENGINES = {name: engine(name, rules.products) for name, rules in RULES.items()}


class Deployed(ComplianceSettings):
    """A deployment of an engine."""

    engine: str

    @property
    def parameters(self) -> Parameters:
        return RULES[self.engine]


class Deployments:
    """One log, for which engine after engine decides."""

    def __init__(self, database: Database, owner: Connection, directory: Path) -> None:
        self._database = database
        self._owner = owner
        self._directory = directory
        self._log = Log(owner)
        self.position = 0
        self._engine = ""

    def install(self, name: str, like: Fact) -> None:
        """Installs the engine at the instant of a fact, and corrects what was published."""
        fact_id = f"installed-{self.position}"
        installed = Fact(fact_id, like.recorded_at, like.recorded_at, ENGINES[name], 0, 0)
        self._write([(installed,)])
        self._owner.execute(
            "UPDATE certification.recording SET engine_id = %s, engine_fact_id = %s", [ENGINES[name].engine_id, fact_id]
        )
        if self._engine:
            settings = Deployed.model_validate({"database_url": self._database.compliance_url, "engine": name})
            rebuild.run(settings, self._database.owner_url, verify=False, processes=1)
        self._engine = name

    def follow(
        self,
        groups: Sequence[Group],
        *,
        long_after: bool = False,
        until_half_done: bool = False,
        is_recorded: bool = False,
    ) -> None:
        """Records and derives. `long_after`: every timer fires; `until_half_done`: not further than into a step."""
        if not is_recorded:
            self._write(groups)
        until = groups[-1][-1].recorded_at + LONG_AFTER if long_after else None

        async def derive() -> None:
            connection = await connect(as_follower(settings_for(self._database)))
            limits = Limits(partners_max=1) if until_half_done else Limits()
            projector = Projector(connection, RULES[self._engine], "test", limits=limits)
            advanced = await projector.advance(until) if until_half_done else None
            while advanced is not None and (advanced.end.complete or advanced.end.timer):
                advanced = await projector.advance(until)
            assert not until_half_done or advanced is not None, "no step touched two partners"
            if not until_half_done:
                await projector.advance_fully(until)
            await connection.close()

        asyncio.run(derive())

    def _write(self, groups: Sequence[Group]) -> None:
        for group in groups:
            last = self.position + len(group)
            places = range(self.position + 1, last + 1)
            self._log.write(
                [
                    tuple(
                        replace(fact, position=place, append_position=last)
                        for fact, place in zip(group, places, strict=True)
                    )
                ]
            )
            self.position = last

    def export(self, path: Path, until: int | None = None) -> Path:
        seal(self._database, self._directory)
        settings = audit_settings(self._database, self._directory, database_url=self._database.auditor_url)
        write_export(settings, None, until, path, _shown)
        return path


@pytest.fixture
def deployments(database: Database, owner: Connection, tmp_path: Path) -> Deployments:
    owner.execute("SET timezone = 'UTC'")
    return Deployments(database, owner, tmp_path / "audit")


def verified(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    main([str(path), "--json", "--processes", "1"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def groups_of(seed: int) -> list[Group]:
    return [group for group in recorded(seeded(seed)) if group]


@pytest.mark.parametrize(
    ("engines", "seed"),
    [(("longer", "ours"), 2), (("fewer", "stricter", "ours"), 5), (("ours", "same", "ours"), 2)],
)
def test_what_was_corrected_is_derived_again(
    deployments: Deployments, tmp_path: Path, capsys: pytest.CaptureFixture[str], engines: Sequence[str], seed: int
) -> None:
    groups = groups_of(seed)
    middle = len(groups) // 2
    part = -(-(len(groups) - middle) // (len(engines) - 1))
    deployments.install(engines[0], groups[0][0])
    deployments.follow(groups[:middle])
    for number, name in enumerate(engines[1:]):
        own = groups[middle + part * number : middle + part * (number + 1)]
        deployments.install(name, own[0][0])
        deployments.follow(own, long_after=name == engines[-1])

    report = verified(deployments.export(tmp_path / "export.tar.gz"), capsys)

    assert report["status"] == 20, report
    kept = report["derived"]["events_of_earlier_engines"]
    assert (kept > 0) == ("same" not in engines)
    assert any("by other rules" in note for note in report["notes"]) == (kept > 0)


def test_an_engine_that_takes_over_in_the_middle_of_a_step(
    deployments: Deployments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = groups_of(20)
    deployments.install("stricter", groups[0][0])
    deployments.follow(groups, until_half_done=True)
    deployments.install("ours", groups[-1][0])
    deployments.follow(groups[-1:], is_recorded=True, long_after=True)

    report = verified(deployments.export(tmp_path / "export.tar.gz"), capsys)

    assert report["status"] == 20, report
    assert report["derived"]["events_of_earlier_engines"] > 0


def test_an_export_until_before_the_engine_has_no_corrections(
    deployments: Deployments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is derived by the rules of today all the same, and names the engine that decided then."""
    groups = groups_of(2)
    deployments.install("longer", groups[0][0])
    deployments.follow(groups[:-1])
    before = deployments.position
    deployments.export(tmp_path / "before.tar.gz")
    deployments.install("ours", groups[-1][0])
    deployments.follow(groups[-1:])

    path = deployments.export(tmp_path / "until.tar.gz", until=before)

    report = verified(path, capsys)
    assert (report["status"], report["sizes"]["facts"]) == (40, before)
    assert report == verified(tmp_path / "before.tar.gz", capsys)


@pytest.fixture
def corrected(deployments: Deployments, tmp_path: Path) -> Export:
    """What was published by windows of 45 days, and corrected; signed by keys of the tests."""
    groups = groups_of(2)
    middle = len(groups) // 2
    deployments.install("longer", groups[0][0])
    deployments.follow(groups[:middle])
    deployments.install("ours", groups[middle][0])
    deployments.follow(groups[middle:])
    return Export(entries_of(deployments.export(tmp_path / "real.tar.gz")))


def entries_of(path: Path) -> dict[str, list[bytes]]:
    entries: dict[str, list[bytes]] = {log: [] for log in LOGS}
    for member in members(path):
        log, _, part = member.name.partition("/")
        content = member.content
        while part.startswith("tile/entries") and content:
            length = int.from_bytes(content[:2], "big")
            entries[log].append(content[2 : 2 + length])
            content = content[2 + length :]
    return entries


def renumbered(events: Iterable[bytes]) -> list[bytes]:
    return [edited(event, position=place) for place, event in enumerate(events, start=1)]


def test_corrections_that_do_not_follow(corrected: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The owner seals whatever he likes: the corrections are derived all the same."""

    def verdict(events: Sequence[bytes], **more: Any) -> dict[str, Any]:
        export = replace_export(corrected, entries={**corrected.entries, "compliance": renumbered(events)}, **more)
        return verified(write(tmp_path / "export.tar.gz", export.members()), capsys)

    events = corrected.entries["compliance"]
    corrections = [place for place, event in enumerate(events) if b'"fact_ids":["installed-' in event]
    first, last = corrections[0], corrections[-1] + 1
    assert verdict(events)["status"] == 20

    without = verdict([*events[:first], *events[last:]])
    assert without["status"] == 40
    assert without["finding"]["position"] <= first
    for place in corrections:
        one_less = verdict([*events[:place], *events[place + 1 :]])
        assert one_less["status"] == 40
        changed = events[place].replace(b'"headcount":', b'"headcount":1')
        assert verdict([*events[:place], changed, *events[place + 1 :]])["status"] == 40

    after = next(event for event in events[last:] if b'"fact_ids":["' in event)
    engine = json.loads(events[first].partition(b"\n")[2])["fact_ids"][0]
    cause = json.loads(after.partition(b"\n")[2])["fact_ids"]
    excused = after.replace(json.dumps(cause).encode().replace(b" ", b""), f'["{engine}"]'.encode())
    assert excused != after
    blamed = verdict([*events[:first], *(excused if event is after else event for event in events[last:])])
    assert blamed["status"] == 30
    assert "installed before what it corrects" in blamed["finding"]["sentence"]


def test_claims_of_an_engine_that_was_replaced(
    corrected: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its answers went by its rules, as its events did; where its events follow, its answers have to."""
    events = corrected.entries["compliance"]
    wrong = next(event for event in events if b'"fact_ids":["installed-' in event)
    partner, position = (json.loads(wrong.partition(b"\n")[0])[name] for name in ("partner_id", "fact_position"))
    names = {"policy_id": "2021-08", "actor": "portal", "product": "S200P", "customer": "new"}
    claim = {**names, "partner_id": partner, "at": "2001-01-01T00:00:00.000000Z", "position": position, "allowed": True}

    def verdict(**changed: Any) -> dict[str, Any]:
        claims = claim_entries([{**claim, **changed}])
        export = replace_export(corrected, entries={**corrected.entries, "claims": claims})
        return verified(write(tmp_path / "export.tar.gz", export.members()), capsys)

    longer, ours = ENGINES["longer"].engine_id, ENGINES["ours"].engine_id
    by_longer = verdict(engine=longer)
    assert (by_longer["status"], by_longer["derived"]["claims_of_earlier_engines"]) == (20, 1)
    assert verdict(engine=ours)["status"] == 40
    assert verdict(engine=ours, allowed=False)["status"] == 20
    assert verdict(engine="another", allowed=False)["status"] == 40
    assert verdict(engine=longer, allowed=False, position=len(corrected.entries["facts"]))["status"] == 40
    assert verdict(engine=ours, allowed=False, policy_id="2022-01")["status"] == 40
