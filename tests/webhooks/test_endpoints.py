"""What owners of endpoints do with them, and what they are refused."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from services.compliance.webhooks.endpoints import store
from shared.events.compliance_events import TYPE_OF
from shared.events.wire import instant_text
from tests.databases import Database
from tests.webhooks.calling import NOW, URL, Caller, calling, seed_events, settings_for

PROBLEM = "urn:sagecert:problem:"


@pytest.fixture
async def head(caller: Caller) -> int:
    """The end of a log of compliance events."""
    return await seed_events(caller.database)


async def test_a_new_endpoint_begins_with_what_comes(caller: Caller, head: int) -> None:
    registered = await caller.register(description="the portal")
    assert registered["secret"].startswith("whsec_")
    assert "public_key" not in registered
    assert registered["state"] == "active"
    health = registered["health"]
    assert (health["position"], health["head"], health["lag"]) == (head, head, 0)
    assert (health["epoch"], health["sequence"], health["parked"], health["warned_hours"]) == (1, 0, 0, None)
    shown = await caller.call("GET", f"/{registered['endpoint_id']}", status=200)
    assert shown == {name: value for name, value in registered.items() if name != "secret"}


async def test_where_an_endpoint_begins(caller: Caller, head: int) -> None:
    """At an instant: with the first event that was recorded at it or later."""
    recorded = dict(caller.sql("SELECT position, recorded_at FROM compliance.compliance_event"))
    for position in range(1, head + 1, 3):
        at = recorded[position]
        first = min(one for one, instant in recorded.items() if instant >= at)
        starts: list[tuple[Any, int]] = [({"at": instant_text(at)}, first - 1), ({"position": position}, position)]
        for start, expected in starts:
            assert (await caller.register(start=start))["health"]["position"] == expected
    after_all = instant_text(max(recorded.values()) + timedelta(microseconds=1))
    starts = [("origin", 0), ("now", head), ({"at": after_all}, head), ({"position": head}, head)]
    for start, expected in starts:
        assert (await caller.register(start=start))["health"]["position"] == expected


async def test_an_endpoint_on_an_empty_log_begins_at_nothing(caller: Caller) -> None:
    for start in ("now", "origin", {"position": 0}, {"at": "2000-01-01T00:00:00Z"}):
        assert (await caller.register(start=start))["health"]["position"] == 0


@pytest.mark.parametrize(
    ("body", "parameter", "told"),
    [
        ({"start": {"position": 10**6}}, "start.position", "ends at position"),
        ({"start": {"at": instant_text(NOW + timedelta(microseconds=1))}}, "start.at", "is in the future"),
        ({"start": "later"}, "start", '"now"'),
        ({"start": {}}, "start", '"origin"'),
        ({"start": {"position": 1, "at": "2022-01-01T00:00:00Z"}}, "start", "write"),
        ({"start": {"position": None}}, "start", "null"),
        ({"start": {"position": -1}}, "start.position", "greater"),
        ({"start": {"position": 1.0}}, "start.position", "integer"),
        ({"start": {"position": True}}, "start.position", "integer"),
        ({"start": {"position": 2**63}}, "start.position", "less"),
        ({"start": {"at": "2022-01-01T00:00:00"}}, "start.at", "offset"),
        ({"start": {"position": 1, "more": 1}}, "start.more", "no field"),
        ({"filter": {"types": ["nothing"]}}, "filter.types", "selling-suspended"),
        ({"filter": {"types": []}}, "filter.types", "at least 1"),
        ({"filter": {"partner_ids": ["a/b"]}}, "filter.partner_ids.0", "pattern"),
        ({"filter": {"partner_ids": ["P"] * 1001}}, "filter.partner_ids", "at most 1000"),
        ({"filter": {"products": ["S300"]}}, "filter.products", "S200P"),
        ({"filter": {"partners": ["P1"]}}, "filter.partners", "no field"),
        ({"filter": []}, "filter", "dictionary"),
        ({"url": "ftp://receiver.example"}, "url", "https"),
        ({"url": "https://10.0.0.1/"}, "url", "SAGECERT_COMPLIANCE_WEBHOOK_NETWORKS"),
        ({"url": "https://receiver.example/" + "x" * 2048}, "url", "at most 2048"),
        ({"url": None}, "url", "string"),
        ({"description": "x" * 501}, "description", "at most 500"),
        ({"batch_max": 0}, "batch_max", "greater"),
        ({"batch_max": 101}, "batch_max", "less"),
        ({"heartbeat_seconds": 9}, "heartbeat_seconds", "greater"),
        ({"heartbeat_seconds": 86_401}, "heartbeat_seconds", "less"),
        ({"ed25519": "yes"}, "ed25519", "boolean"),
        ({"secret": "mine"}, "secret", "no field"),
    ],
)
async def test_what_an_endpoint_cannot_be(
    caller: Caller, head: int, body: dict[str, Any], parameter: str, told: str
) -> None:
    problem = await caller.refused("POST", body={"url": URL, **body})
    assert (problem["parameter"], told in problem["detail"]) == (parameter, True), problem
    assert caller.sql("SELECT FROM webhooks.endpoint") == caller.sql("SELECT FROM webhooks.secret") == []


async def test_plain_http_will_do_in_a_sandbox_only(database: Database) -> None:
    for sandbox, status in ((True, 201), (False, 422)):
        async with calling(database, settings_for(database, sandbox=sandbox)) as caller:
            await caller.call("POST", status=status, body={"url": "http://127.0.0.1:8000/hooks"})


async def test_types_are_known_by_their_short_names_too_and_nothing_is_listed_twice(caller: Caller) -> None:
    full = TYPE_OF["selling-suspended"]
    types = ["selling-suspended", full, "retracted"]
    registered = await caller.register(
        filter={"types": types, "partner_ids": ["P2", "P1", "P2"], "products": ["S200P"]}
    )
    assert registered["filter"] == {
        "types": sorted([full, TYPE_OF["retracted"]]),
        "partner_ids": ["P1", "P2"],
        "products": ["S200P"],
        "history": None,
    }
    assert (await caller.register(filter={"types": None}))["filter"] is None


async def test_all_endpoints_are_listed_page_by_page(caller: Caller) -> None:
    registered = {(await caller.register())["endpoint_id"] for _ in range(7)}
    listed: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await caller.call("GET", f"?limit=3&after={after}", status=200)
        listed += [endpoint["endpoint_id"] for endpoint in page["endpoints"]]
        after = page["next"]
    assert listed == sorted(registered)


async def test_a_page_of_endpoints_is_small_whatever_their_filters_name(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PARTNERS_LISTED_MAX", 5)
    which = {"partner_ids": ["P1", "P2", "P3"]}
    registered = {(await caller.register(filter=which if number else None))["endpoint_id"] for number in range(6)}
    listed: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await caller.call("GET", f"?limit=100&after={after}", status=200)
        named = [3 if endpoint["filter"] else 0 for endpoint in page["endpoints"]]
        assert sum(named[:-1]) < 5
        listed += [endpoint["endpoint_id"] for endpoint in page["endpoints"]]
        after = page["next"]
    assert listed == sorted(registered)


async def test_what_is_not_named_stays_as_it_is(caller: Caller, head: int) -> None:
    was = await caller.register(description="old", batch_max=5, heartbeat_seconds=60, filter={"partner_ids": ["P1"]})
    path = f"/{was.pop('endpoint_id')}"
    was.pop("secret")
    changes: list[dict[str, Any]] = [
        {},
        {"description": "new"},
        {"batch_max": 7},
        {"heartbeat_seconds": None},
        {"state": "paused"},
        {"state": "active"},
        {"url": "https://Other.example/hooks"},
    ]
    for change in changes:
        now = await caller.call("PATCH", path, status=200, body=change)
        was |= change | {"endpoint_id": path[1:]}
        was["url"] = was["url"].lower()
        assert now == was
    assert now["health"]["epoch"] == 1


@pytest.mark.parametrize("field", ["url", "description", "state", "batch_max"])
async def test_what_is_never_nothing_is_not_made_nothing(caller: Caller, field: str) -> None:
    was = await caller.register()
    problem = await caller.refused(
        "PATCH", f"/{was['endpoint_id']}", body={"filter": {"products": ["S200S"]}, field: None}
    )
    assert problem["parameter"] == field
    assert (await caller.call("GET", f"/{was['endpoint_id']}", status=200))["filter"] is None


async def test_another_filter_begins_a_new_epoch_at_the_cursor_and_the_same_does_not(caller: Caller, head: int) -> None:
    registered = await caller.register(filter={"partner_ids": ["P1", "P2"]}, start={"position": 3})
    endpoint_id = registered["endpoint_id"]
    caller.sql("UPDATE webhooks.endpoint SET sequence = 9, delivered_sequence = 7, rejecting_since = now(), fence = 4")
    for filtered, epoch, sequence in (
        ({"partner_ids": ["P2", "P1", "P2"]}, 1, 9),
        ({"partner_ids": ["P2"]}, 2, 0),
        (None, 3, 0),
        ({}, 3, 0),
    ):
        health = (await caller.call("PATCH", f"/{endpoint_id}", status=200, body={"filter": filtered}))["health"]
        assert (health["position"], health["epoch"], health["sequence"]) == (3, epoch, sequence)
    kept = "SELECT delivered_sequence, rejecting_since, fence FROM webhooks.endpoint"
    assert caller.sql(kept) == [(0, None, 4)]


async def test_what_is_enabled_again_goes_on_where_it_was_and_forgets_the_failing(caller: Caller, head: int) -> None:
    endpoint_id = (await caller.register(start={"position": 2}))["endpoint_id"]
    caller.sql(
        "UPDATE webhooks.endpoint SET state = 'disabled', disabled_because = 'failing', failures = 70, sequence = 5,"
        " failing_since = now() - interval '5 days', warned_hours = 24, next_attempt_at = now() + interval '1 hour'"
    )
    health = await caller.health(endpoint_id)
    assert (health["disabled_because"], health["failures"], health["warned_hours"]) == ("failing", 70, 24)
    active = await caller.call("PATCH", f"/{endpoint_id}", status=200, body={"state": "active"})
    health = active["health"]
    assert (active["state"], health["disabled_because"], health["failing_since"]) == ("active", None, None)
    assert (health["failures"], health["warned_hours"], health["next_attempt_at"]) == (0, None, None)
    assert (health["position"], health["epoch"], health["sequence"]) == (2, 1, 5)


async def test_what_was_not_tried_yet_has_not_failed(caller: Caller) -> None:
    """Else another filter, of which nothing comes for five days, would be disabled by its first failure."""
    failing = "UPDATE webhooks.endpoint SET failing_since = now(), failures = 3, warned_hours = 1,"
    waiting = " rejecting_since = now(), next_attempt_at = now() + interval '1 hour'"
    waits = "SELECT next_attempt_at > now(), rejecting_since IS NOT NULL, failures, warned_hours FROM webhooks.endpoint"
    path = f"/{(await caller.register())['endpoint_id']}"
    for body, tried in (
        ({"url": URL, "filter": None, "state": "active", "batch_max": 2}, True),
        ({"url": "https://other.example/hooks"}, False),
        ({"filter": {"partner_ids": ["P1"]}}, False),
    ):
        caller.sql(failing + waiting)
        health = (await caller.call("PATCH", path, status=200, body=body))["health"]
        assert (health["failing_since"] is not None, health["next_attempt_at"] is not None) == (tried, tried)
        assert caller.sql(waits) == [(True, True, 3, 1) if tried else (False, False, 0, 0)]


async def test_what_fails_and_is_due_at_once_has_no_next_attempt_to_show(caller: Caller) -> None:
    """As after a message was parked."""
    endpoint_id = (await caller.register())["endpoint_id"]
    caller.sql("UPDATE webhooks.endpoint SET failing_since = now(), failures = 3, next_attempt_at = '-infinity'")
    assert (await caller.health(endpoint_id))["next_attempt_at"] is None


async def test_disabled_is_not_for_asking(caller: Caller) -> None:
    endpoint_id = (await caller.register())["endpoint_id"]
    problem = await caller.refused("PATCH", f"/{endpoint_id}", body={"state": "disabled"})
    assert (problem["parameter"], "'active' or 'paused'" in problem["detail"]) == ("state", True)


async def test_a_deleted_endpoint_is_gone_with_all_that_is_its(caller: Caller) -> None:
    path = f"/{(await caller.register())['endpoint_id']}"
    _parked(caller, path[1:], 1, "P1")
    await caller.call("DELETE", path, status=204)
    for method, below, body in (
        ("GET", "", None),
        ("PATCH", "", {}),
        ("DELETE", "", None),
        ("POST", "/secret-rotations", None),
        ("POST", "/replays", {"from": "origin"}),
        ("POST", "/tests", None),
        ("POST", "/dry-runs", None),
        ("POST", "/releases", None),
        ("POST", "/retries", None),
        ("POST", "/resends", {"event_id": "0" * 32}),
        ("GET", "/attempts", None),
        ("GET", "/parked", None),
    ):
        problem = await caller.refused(method, path + below, status=404, body=body)
        assert problem["type"] == f"{PROBLEM}no-such-endpoint"
    for table in ("secret", "parked_message", "attempt"):
        assert caller.sql(f"SELECT FROM webhooks.{table}") == []


async def test_a_replay_takes_the_cursor_back_and_what_is_parked_later_with_it(caller: Caller, head: int) -> None:
    endpoint_id = (await caller.register(start={"position": 9}))["endpoint_id"]
    for position in (2, 4, 8):
        _parked(caller, endpoint_id, position, "P1")
    caller.sql("UPDATE webhooks.endpoint SET sequence = 9, fence = 4, rejecting_since = now()")
    replayed = await caller.call("POST", f"/{endpoint_id}/replays", status=202, body={"from": {"position": 4}})
    health = replayed["health"]
    assert (health["position"], health["epoch"], health["sequence"], health["parked"]) == (4, 2, 0, 2)
    inside = "SELECT fence, replay_through, rejecting_since FROM webhooks.endpoint"
    assert caller.sql(inside) == [(5, 9, None)]
    await caller.call("POST", f"/{endpoint_id}/replays", status=202, body={"from": "origin"})
    assert caller.sql(inside) == [(6, 9, None)]
    assert await caller.health(endpoint_id) | {"position": 0, "epoch": 3, "parked": 0} == await caller.health(
        endpoint_id
    )


async def test_a_replay_skips_nothing(caller: Caller, head: int) -> None:
    endpoint_id = (await caller.register(start={"position": 2}))["endpoint_id"]
    for place, parameter in (
        ({"position": 3}, "from"),
        ({"position": head + 1}, "from.position"),
        ({"at": instant_text(NOW)}, "from"),
        ({"at": instant_text(NOW + timedelta(days=1))}, "from.at"),
        ("now", "from"),
    ):
        problem = await caller.refused("POST", f"/{endpoint_id}/replays", body={"from": place})
        assert problem["parameter"] == parameter, problem
    assert (await caller.health(endpoint_id))["epoch"] == 1


async def test_parked_messages_are_listed_and_released(caller: Caller) -> None:
    endpoint_id = (await caller.register())["endpoint_id"]
    for position in range(1, 8):
        _parked(caller, endpoint_id, position, f"P{position % 2}")
    listed: list[int] = []
    after: str | None = "0~0"
    while after is not None:
        page = await caller.call("GET", f"/{endpoint_id}/parked?limit=3&after={after}", status=200)
        listed += [one["sequence"] for one in page["parked"]]
        after = page["next"]
    assert listed == list(range(1, 8))
    assert (await caller.health(endpoint_id))["parked"] == 7
    path = f"/{endpoint_id}/releases"
    for body, released in (({"partner_id": "P1"}, 4), ({"partner_id": "P1"}, 0), ({"partner_id": "P9"}, 0), (None, 3)):
        assert (await caller.call("POST", path, status=202, body=body)) == {"released": released}
    page = await caller.call("GET", f"/{endpoint_id}/parked", status=200)
    assert {one["released"] for one in page["parked"]} == {True}


async def test_attempts_are_paged_newest_first_and_show_any_reply(caller: Caller) -> None:
    endpoint_id = (await caller.register())["endpoint_id"]
    caller.sql(
        "INSERT INTO webhooks.attempt SELECT %s, n, 'event', now(), 12, 'id', 1, n, 1, 500, 'not taken', %s"
        " FROM generate_series(1, 5) n",
        endpoint_id,
        b"\xff\x00<b>",
    )
    first = await caller.call("GET", f"/{endpoint_id}/attempts?limit=3", status=200)
    rest = await caller.call("GET", f"/{endpoint_id}/attempts?limit=3&after={first['next']}", status=200)
    assert [attempt["number"] for attempt in first["attempts"] + rest["attempts"]] == [5, 4, 3, 2, 1]
    assert (rest["next"], rest["attempts"][0]["reply"]) == (None, "\ufffd\x00<b>")


async def test_every_change_is_told_to_those_who_deliver_in_its_transaction(caller: Caller, head: int) -> None:
    with psycopg.connect(caller.database.owner_url, autocommit=True) as listening:
        listening.execute("LISTEN sagecert_webhooks")
        endpoint_id = (await caller.register())["endpoint_id"]
        revisions = [_revision(caller)]
        for method, path, body, status in (
            ("PATCH", "", {"description": "new"}, 200),
            ("POST", "/secret-rotations", None, 201),
            ("POST", "/replays", {"from": "origin"}, 202),
            ("POST", "/releases", None, 202),
            ("POST", "/retries", None, 202),
        ):
            await caller.call(method, f"/{endpoint_id}{path}", status=status, body=body)
            revisions.append(_revision(caller))
        await caller.call("DELETE", f"/{endpoint_id}", status=204)
        told = [notified.payload for notified in listening.notifies(timeout=5, stop_after=7)]
    assert told == [endpoint_id] * 7
    assert revisions == [1, 2, 3, 4, 5, 6]


async def test_changes_at_once_lose_nothing(caller: Caller, head: int) -> None:
    """Each names another field, and deliveries move the cursor meanwhile: everything is kept."""
    endpoint_id = (await caller.register(start="origin"))["endpoint_id"]
    path = f"/{endpoint_id}"
    deliver = "UPDATE webhooks.endpoint SET position = position + 1, sequence = sequence + 1, attempts = attempts + 1"
    for turn in range(5):
        bodies = [
            {"description": f"turn {turn}"},
            {"batch_max": turn + 1},
            {"heartbeat_seconds": 60 + turn},
            {"url": f"https://receiver.example/{turn}"},
        ]
        delivering = [asyncio.to_thread(caller.sql, deliver) for _ in range(2)]
        releasing = [caller.call("POST", f"{path}/releases", status=202) for _ in range(2)]
        patches = [caller.call("PATCH", path, status=200, body=body) for body in bodies]
        await asyncio.gather(*delivering, *releasing, *patches)
        shown = await caller.call("GET", path, status=200)
        for body in bodies:
            assert shown | body == shown
        assert (shown["health"]["position"], shown["health"]["sequence"]) == (2 * turn + 2, 2 * turn + 2)
    assert _revision(caller) == 1 + 5 * 6


@pytest.mark.parametrize("webhooks", ["", "/wh_1", "/wh_1/attempts", "/wh_1/parked"])
async def test_without_a_key_there_are_no_webhooks(database: Database, webhooks: str) -> None:
    settings = settings_for(database).model_copy(update={"webhook_keys": ()})
    async with calling(database, settings) as caller:
        problem = await caller.refused("GET", webhooks, status=503)
        assert problem["type"] == f"{PROBLEM}webhooks-off"
        assert "SAGECERT_COMPLIANCE_WEBHOOK_KEYS" in problem["detail"]
        assert "generate_key" in problem["detail"]
        await caller.refused("POST", status=503, body={"url": URL})


def _revision(caller: Caller) -> int:
    ((revision,),) = caller.sql("SELECT revision FROM webhooks.endpoint")
    return int(revision)


def _parked(caller: Caller, endpoint_id: str, position: int, partner_id: str) -> None:
    caller.sql(
        "INSERT INTO webhooks.parked_message (endpoint_id, epoch, sequence, position, partner_id)"
        " VALUES (%s, 1, %s, %s, %s)",
        endpoint_id,
        position,
        position,
        partner_id,
    )
