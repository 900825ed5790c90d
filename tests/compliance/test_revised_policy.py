"""A revision of the policy reaches the partners whom it changes, and costs nothing for the others (R39)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import psycopg
import pytest
from msgspec.structs import replace

from services.compliance.database import OwnConnection, connect
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.projection import wide_step_workers
from services.compliance.projection.batch import LIMITS, Limits, Projector
from services.compliance.read_model.current_standings import present
from shared.events.facts import (
    ConsultantLeft,
    FactData,
    FactVoided,
    Minimum,
    PartnerEnrolled,
    PartnerKindChanged,
    PolicyRevised,
)
from tests.compliance.log import Log, as_follower, settings_for
from tests.compliance.seed import BEGIN, DAY, SeedFacts
from tests.compliance.test_projection import verify
from tests.databases import Database

REVISED = BEGIN + 10 * DAY
LATER = REVISED + 400 * DAY


def world() -> SeedFacts:
    """Two VARs, one of them with a window; a developer; one that was a VAR; one in another programme."""
    telling = SeedFacts()
    telling.var(BEGIN, "V1")
    telling.var(BEGIN, "V2")
    for partner_id, kind, programme in (
        ("D1", "DEVELOPER", "PARTNER_SUCCESS"),
        ("D2", "VAR", "PARTNER_SUCCESS_PLUS"),
        ("N1", "DEVELOPER", "PARTNER_ELITE"),
    ):
        telling.tell(BEGIN, PartnerEnrolled(partner_id, kind, programme))  # type: ignore[arg-type]  # a kind
    telling.tell(BEGIN + DAY, PartnerKindChanged("D2", "DEVELOPER"))
    telling.tell(BEGIN + 2 * DAY, ConsultantLeft("V2", "V2-B"))
    return telling


@pytest.fixture
def derived(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The partners whose histories are derived from the log, in order."""
    found: list[str] = []
    original = wide_step_workers.derive_partner

    def noting(partner_id: str, *arguments: object) -> object:
        found.append(partner_id)
        return original(partner_id, *arguments)  # type: ignore[arg-type]  # as they were given

    monkeypatch.setattr(wide_step_workers, "derive_partner", noting)
    return found


class Followed:
    """A database whose log is followed, from nothing kept each time."""

    def __init__(self, database: Database, connection: OwnConnection, owner: "psycopg.Connection[object]") -> None:
        self.database = database
        self.connection = connection
        self.telling = world()
        self._log = Log(owner)
        self._written = 0

    async def follow(self, limits: Limits = LIMITS, known_through: timedelta | None = None) -> None:
        self._log.write(self.telling.groups[self._written :])
        self._written = len(self.telling.groups)
        projector = Projector(self.connection, PARAMETERS, "test", limits=limits)
        await projector.advance_fully(None)
        if known_through is not None:
            await projector.advance_fully(BEGIN + known_through)

    def revise(self, data: FactData, ahead: timedelta = timedelta()) -> None:
        self.telling.tell(REVISED, data)
        (fact,) = self.telling.groups[-1]
        self.telling.groups[-1] = (replace(fact, effective_at=REVISED + ahead),)

    async def slice(self) -> None:
        """Derives the first of the revised partners: D2, which was a VAR, and V1."""
        self._log.write(self.telling.groups[self._written :])
        self._written = len(self.telling.groups)
        advanced = await Projector(self.connection, PARAMETERS, "test", limits=Limits(partners_max=2)).advance(None)
        assert advanced is not None
        assert advanced.more


@pytest.fixture
async def followed(database: Database) -> AsyncIterator[Followed]:
    connection = await connect(as_follower(settings_for(database)))
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        found = Followed(database, connection, owner)
        await found.follow()
        yield found
    await connection.close()


REVISIONS: Final[list[tuple[PolicyRevised, list[str]]]] = [
    (PolicyRevised("days", window_days=45, reminder_days=(9,)), []),
    (PolicyRevised("var", minimum=Minimum(var=3)), ["V1", "V2"]),
    (PolicyRevised("developer", minimum=Minimum(developer=2)), ["D1", "D2", "N1"]),
    (PolicyRevised("elite", programmes=("PARTNER_SUCCESS", "PARTNER_ELITE")), ["D2", "N1"]),
]
"""Each with the partners whom it changes."""


@pytest.mark.parametrize(("revision", "changed"), REVISIONS, ids=[revision.policy_id for revision, _ in REVISIONS])
async def test_only_the_partners_whom_it_changes_are_derived(
    followed: Followed, derived: list[str], revision: PolicyRevised, changed: list[str]
) -> None:
    derived.clear()
    followed.revise(revision)
    await followed.follow()
    assert sorted(derived) == changed
    assert (await asyncio.to_thread(verify, followed.database)).differences == ()


async def test_a_void_derives_those_whose_windows_it_changes(followed: Followed, derived: list[str]) -> None:
    followed.revise(PolicyRevised("days", window_days=45))
    await followed.follow()
    revision = followed.telling.groups[-1][0].fact_id
    followed.telling.tell(REVISED + DAY, ConsultantLeft("V1", "V1-A"))
    await followed.follow()
    derived.clear()
    followed.telling.tell(REVISED + 2 * DAY, FactVoided(revision))
    await followed.follow()
    assert derived == ["V1"]
    days = await followed.connection.fetch("SELECT partner_id, policy_id FROM replacement_window ORDER BY partner_id")
    assert [tuple(row) for row in days] == [("V1", "2021-08"), ("V2", "2021-08")]
    assert (await asyncio.to_thread(verify, followed.database)).differences == ()


async def test_a_future_revision_is_a_step_of_those_whom_it_changes_at_its_instant(
    followed: Followed, derived: list[str]
) -> None:
    followed.revise(PolicyRevised("var", minimum=Minimum(var=1)), 5 * DAY)
    await followed.follow()
    timers = "SELECT partner_id FROM timer WHERE due_at = $1 ORDER BY partner_id"
    assert [row["partner_id"] for row in await followed.connection.fetch(timers, REVISED + 5 * DAY)] == ["V1", "V2"]
    position = await followed.connection.fetchval("SELECT event_position FROM progress")
    derived.clear()
    await followed.follow(known_through=REVISED + 6 * DAY - BEGIN)
    told = await followed.connection.fetch(
        "SELECT partner_id, effective_at, recorded_at FROM compliance_event WHERE position > $1 ORDER BY position",
        position,
    )
    at = REVISED + 5 * DAY
    assert {tuple(row) for row in told} == {("V1", at, at), ("V2", at, at)}
    assert sorted(derived) == ["V1", "V2"]


async def test_a_revision_in_slices_is_the_same_to_the_byte(followed: Followed) -> None:
    followed.revise(PolicyRevised("var", minimum=Minimum(var=3, developer=2), window_days=7))
    await followed.follow(Limits(partners_max=1))
    await followed.follow(Limits(partners_max=1), known_through=LATER - BEGIN)
    assert (await asyncio.to_thread(verify, followed.database)).differences == ()


async def test_within_a_slice_an_answer_names_the_policy_that_it_was_decided_by(followed: Followed) -> None:
    """One partner is revised, the next not yet."""
    followed.revise(PolicyRevised("var", minimum=Minimum(var=3)))
    await followed.slice()
    answering = await connect(settings_for(followed.database))
    for partner_id, policy_id, minimum in (("V1", "var", 3), ("V2", "2021-08", 2)):
        _, (partner, body) = await present(answering, partner_id, "S200P")
        assert body is not None
        assert (partner.moment.policy_id, f'"minimum":{minimum}'.encode() in body.body) == (policy_id, True)
    await answering.close()
