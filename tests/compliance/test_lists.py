"""Lists of partners and windows: pages, filters, the present and any other moment."""

from datetime import timedelta

import httpx
import psycopg
import pytest
from msgspec.structs import replace

from services.compliance.api import event_counts, totals
from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from services.compliance.settings import ComplianceSettings
from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft, ConsultantLinked, PartnerEnrolled
from shared.events.wire import instant_text
from tests.compliance.asking import answer, ask, asking, pages
from tests.compliance.log import OURS, Log, as_follower, set_clock, settings_for
from tests.compliance.seed import BEGIN, DAY, SeedFacts
from tests.compliance.twelve_partners import DEADLINE, NOW, PARTNERS, told
from tests.databases import Database

NAMED = {"P00": "Zoë Ångström Ltd", "P03": "100%_sure \\ Co", "P04": "Møller & Söhne"}


@pytest.mark.parametrize("at", [{}, {"at": "2022-03-25T09:00:00Z"}], ids=["present", "as of"])
async def test_lists_come_in_pages_and_whole(client: httpx.AsyncClient, at: dict[str, str]) -> None:
    partners = await pages(client, "partners", limit=5, **at)
    assert [(item["partner_id"], item["product"]) for item in partners] == [
        (partner, product) for partner in PARTNERS for product in ("S200P", "S200S")
    ]
    short = await pages(client, "partners", limit=2, status="in_window", product="S200P", **at)
    assert [item["partner_id"] for item in short] == PARTNERS[::2]
    windows = await pages(client, "windows", limit=4, status="open", **at)
    assert [item["partner_id"] for item in windows] == PARTNERS[::2]
    due = [item["deadline_at"] for item in windows]
    assert due == sorted(due)
    soon = await pages(client, "windows", limit=4, due_before=due[2], **at)
    assert [item["partner_id"] for item in soon] == PARTNERS[::2][:2]


@pytest.mark.parametrize("at", [{}, {"at": "2022-03-25T09:00:00Z"}], ids=["present", "as of"])
async def test_partners_are_found_by_a_part_of_their_name_or_id(
    sandbox_database: Database, client: httpx.AsyncClient, at: dict[str, str]
) -> None:
    """Case and accents aside; what an erased name held finds nobody any more."""
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        insert = "INSERT INTO certification.partner_profile (partner_id, name) VALUES (%s, %s)"
        owner.cursor().executemany(insert, NAMED.items())
        searched = {"zoe ang": ["P00"], "MOLLER": ["P04"], "söhne": ["P04"], "%_": ["P03"], "e \\": ["P03"], "x": []}
        for q, expected in {**searched, "p1": ["P10", "P11"], "0": PARTNERS[:11]}.items():
            for more in ({}, {"status": "in_window"}):
                found = await pages(client, "partners", limit=3, product="S200P", q=q, **more, **at)
                wanted = [p for p in expected if not more or p in PARTNERS[::2]]
                assert [(item["partner_id"], item["name"]) for item in found] == [(p, NAMED.get(p)) for p in wanted]
        windows = await answer(client, "windows", **at)
        assert [item["name"] for item in windows["windows"]][:3] == ["Zoë Ångström Ltd", None, "Møller & Söhne"]
        owner.execute("DELETE FROM certification.partner_profile")
        assert await pages(client, "partners", limit=3, q="zoe", **at) == []


async def test_whom_a_fact_names_that_is_not_applied_yet_is_found_as_of_its_moment(
    client: httpx.AsyncClient, owner_log: Log
) -> None:
    """The log answers such a question; the index over ids knows what is applied."""
    telling = SeedFacts()
    telling.groups = told()
    telling.tell(NOW, PartnerEnrolled("Zedern", "VAR", "PARTNER_SUCCESS"))
    telling.certified(NOW, "Zora")
    owner_log.write(telling.groups[len(told()) :])
    for path, member, named in (("partners", "partner_id", "Zedern"), ("consultants", "consultant_id", "Zora")):
        found = (await answer(client, path, q="Z", known_position=telling.head, product="S200P"))[path]
        assert [row[member] for row in found] == [named]
        assert (await answer(client, path, q="Z", product="S200P"))[path] == []


@pytest.mark.parametrize("at", [{}, {"at": "2022-03-25T09:00:00Z"}], ids=["present", "as of"])
async def test_a_list_takes_several_statuses_and_days(client: httpx.AsyncClient, at: dict[str, str]) -> None:
    """What is due on 31 March is due before 1 April in London, and not before 31 March."""
    both = "partners?status=in_window&status=compliant"
    found = await pages(client, both, limit=5, product="S200P", **at)
    assert [item["partner_id"] for item in found] == PARTNERS
    assert {item["status"] for item in found} == {"in_window", "compliant"}
    due = [
        [w["deadline_on"] for w in await pages(client, "windows", limit=4, due_before=day, **at)]
        for day in ("2022-03-31", "2022-04-01", "2022-04-02")
    ]
    assert due == [[], ["2022-03-31"] * 2, ["2022-03-31"] * 2 + ["2022-04-01"] * 2]


async def test_lists_of_the_present_and_of_the_same_moment_are_the_same(client: httpx.AsyncClient) -> None:
    for path in (
        "partners",
        "partners?status=compliant&status=in_window",
        "partners?q=p0",
        "windows",
        "windows?status=open",
    ):
        present = await answer(client, path)
        again = await answer(client, path, at=present["at"], known_position=present["position"])
        assert {**again, "known_at": present["known_at"]} == present


async def test_the_list_says_why_since_when_and_who_was_lost(
    sandbox_database: Database, client: httpx.AsyncClient
) -> None:
    """R19, R26: P00 is suspended once the window of P00-B, who left, is over; P00-A lapsed meanwhile."""
    set_clock(sandbox_database, DEADLINE)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        owner.execute("INSERT INTO certification.profile VALUES ('P00-A', 'Bo Lind', 'bo@example.org')")
    first = (await answer(client, "partners", limit=1))["partners"][0]
    assert first == {
        "partner_id": "P00",
        "name": None,
        "product": "S200P",
        "status": "suspended",
        "since": instant_text(DEADLINE),
        "headcount": 0,
        "minimum": 2,
        "shortfall": 2,
        "missing": 2,
        "reason": {
            "rule": "R19",
            "text": "A missing consultant was not replaced by 2022-03-31 (London, 30 days after the loss: policy "
            "2021-08): no selling to new customers.",
        },
        "lost": {"consultant_id": "P00-A", "name": "Bo Lind", "at": "2022-03-26T00:00:00Z"},
        "next_change_at": "2022-04-25T23:00:00Z",
    }
    second = (await answer(client, "partners", limit=1, after="P00~S200P"))["partners"][0]
    assert (second["status"], second["reason"]["rule"], second["lost"]) == ("not_yet_authorised", "R12", None)
    assert second["since"] == instant_text(BEGIN)


async def test_lists_are_right_by_the_clock_before_any_timer_has_fired(
    sandbox_database: Database, client: httpx.AsyncClient
) -> None:
    """R19: the windows of P00 and P02 run out at the same midnight."""
    set_clock(sandbox_database, DEADLINE)
    suspended = await answer(client, "partners?status=suspended")
    assert [item["partner_id"] for item in suspended["partners"]] == ["P00", "P02"]
    expired = await answer(client, "windows?status=expired")
    assert [item["partner_id"] for item in expired["windows"]] == ["P00", "P02"]


async def test_a_window_says_when_it_changes_next_present_and_as_of(
    sandbox_database: Database, client: httpx.AsyncClient, settings: ComplianceSettings, owner_log: Log
) -> None:
    """R18, R19: it is known that P00 hires in time, and P04 too late; nothing is known of P02."""
    in_time, too_late = NOW + timedelta(days=3), NOW + timedelta(days=20)
    telling = SeedFacts()
    telling.groups = told()
    for partner, day in (("P00", in_time), ("P04", too_late)):
        telling.certified(NOW, f"{partner}-C")
        position = telling.head + 1
        hired = ConsultantLinked(partner, f"{partner}-C")
        telling.groups.append((Fact(f"f{position}", day, NOW, hired, position, position),))
    owner_log.write(telling.groups[len(told()) :])
    connection = await connect(as_follower(settings))
    await Projector(connection, OURS, "test").advance_fully(NOW)
    await connection.close()

    later = DEADLINE + timedelta(days=1)
    for clock, expected in (
        (NOW, {"P00": in_time, "P02": DEADLINE, "P04": later}),
        (in_time, {"P00": None, "P02": DEADLINE, "P04": later}),
        (later, {"P00": None, "P02": None, "P04": too_late}),
        (too_late, {"P00": None, "P02": None, "P04": None}),
    ):
        set_clock(sandbox_database, clock)
        present = await answer(client, "windows")
        said = {item["partner_id"]: item["next_change_at"] for item in present["windows"] if item["number"] == 1}
        for partner, change in expected.items():
            assert said[partner] == (change and instant_text(change)), (clock, partner)
        again = await answer(client, "windows", at=present["at"], known_position=present["position"])
        assert again["windows"] == present["windows"]


async def test_suspensions_come_the_latest_first(sandbox_database: Database, client: httpx.AsyncClient) -> None:
    """R19: two begin at each of two midnights; those of one midnight are in order of their ids."""
    set_clock(sandbox_database, DEADLINE + timedelta(days=1))
    suspended = await pages(client, "suspensions", limit=1)
    assert [item["partner_id"] for item in suspended] == ["P04", "P06", "P00", "P02"]
    assert await pages(client, "suspensions", limit=3, product="S200P") == suspended
    assert await pages(client, "suspensions", limit=3, product="S200S") == []
    listed = await pages(client, "partners", limit=9, status="suspended")
    assert sorted(suspended, key=lambda item: str(item["partner_id"])) == listed


async def test_totals_say_how_long_the_lists_are(sandbox_database: Database, client: httpx.AsyncClient) -> None:
    """Of the windows open on 25 March, two end on 31 March, two on 1 April and two on 2 April, which is not soon."""
    found = await answer(client, "totals")
    assert {name: total["count"] for name, total in found.items() if isinstance(total, dict)} == {
        "suspended": 0,
        "open_windows": 6,
        "closing_windows": 4,
        "maintenance_owed": len(await pages(client, "maintenance", limit=9)),
        "maintenance_overdue": 0,
    }
    set_clock(sandbox_database, DEADLINE)
    found = await answer(client, "totals")
    assert found["suspended"] == {"count": 2, "more": False}
    assert found["open_windows"]["count"] == len(await pages(client, "windows", limit=9, status="open"))
    assert found["maintenance_overdue"] == found["maintenance_owed"] != {"count": 0, "more": False}


async def test_totals_have_the_first_rows_of_each_list(sandbox_database: Database, client: httpx.AsyncClient) -> None:
    """Both before the deadlines and after, when some are suspended and maintenance is overdue."""
    for clock in (NOW, DEADLINE + timedelta(days=1)):
        set_clock(sandbox_database, clock)
        first = (await answer(client, "totals", first=3))["first"]
        assert first["suspensions"] == (await answer(client, "suspensions", limit=3))["suspensions"]
        assert first["windows"] == (await answer(client, "windows", limit=3, status="open"))["windows"]
        today = clock.date().isoformat()
        due = await answer(client, "maintenance", limit=3, due_from=today)
        assert first["maintenance_due"] == due["maintenance"]
        overdue = await answer(client, "maintenance", limit=3, due_before=today)
        assert first["maintenance_overdue"] == overdue["maintenance"]
        assert first["suspensions"] or first["windows"]
    assert first["maintenance_overdue"] != []
    assert (await answer(client, "totals"))["first"] is None
    assert (await ask(client, "totals", first=51)).status_code == 422


async def test_events_are_counted_up_to_a_bound(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_counts, "COUNTED_MAX", 2)
    ((most, *_),) = (counts["types"] for counts in (await answer(client, "recorded-events/counts"))["counts"])
    assert (most["count"], most["more"]) == (2, True)


async def test_totals_end_where_counting_would_take_long(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "COUNTED_MAX", 5)
    assert (await answer(client, "totals"))["open_windows"] == {"count": 5, "more": True}


def told_of_windows_that_close() -> SeedFacts:
    """Three windows that are known to close: those of P1 and P2 first, that of P0, which ends first, last."""
    seed = SeedFacts()
    for partner, _, _ in CLOSING:
        seed.var(BEGIN, partner)
        seed.certified(BEGIN, f"{partner}-C")
    for partner, lost, _ in CLOSING:
        seed.tell(BEGIN + lost * DAY, ConsultantLeft(partner, f"{partner}-B"))
    for partner, _, replaced in CLOSING:
        seed.tell(BEGIN + 80 * DAY, ConsultantLinked(partner, f"{partner}-C"))
        seed.groups[-1] = tuple(replace(fact, effective_at=BEGIN + replaced * DAY) for fact in seed.groups[-1])
    return seed


CLOSING = (("P0", 55, 84), ("P1", 75, 82), ("P2", 76, 83))
"""Partner, day of the loss, day of the replacement."""


async def test_a_window_that_ends_soon_is_counted_however_many_close_before_it(
    sandbox_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, now = settings_for(sandbox_database), BEGIN + 81 * DAY
    set_clock(sandbox_database, now)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(told_of_windows_that_close().groups)
    connection = await connect(as_follower(settings))
    await Projector(connection, OURS, "test").advance_fully(now)
    await connection.close()
    monkeypatch.setattr(totals, "COUNTED_MAX", 1)
    async with asking(settings) as client:
        found = await answer(client, "totals")
    assert (found["open_windows"], found["closing_windows"]) == (
        {"count": 1, "more": True},
        {"count": 1, "more": False},
    )
