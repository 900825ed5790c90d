"""What was answered to whom is recorded, beside the answers, and judged by what is known since."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import psycopg
import pytest

from services.compliance.claims.claim_recorder import ROLE
from services.host.api_keys.key_commands import NewKey
from services.host.embedded_postgres.server import Server
from services.web.scopes import Scope
from tests.access.serving import SECONDS_MAX, bearer, issued, link, served
from tests.databases import ALL_IN_ONE, Database
from tests.systems import System

AUTHORISATION: Final = "/compliance/v1/partners/{partner}/authorisations/S200P"
CLAIMS: Final = "/audit/v1/claims"
RECORDED: Final = "SELECT partner_id, customer, allowed, actor FROM audit.claim ORDER BY number"
KEYS: Final = (("crm", Scope.FACTS), ("portal", Scope.READ), ("auditor", Scope.AUDIT))
CLAIM: Final = {
    "partner_id": "P1",
    "product": "S200P",
    "customer": "new",
    "allowed": True,
    "position": 0,
    "policy_id": "2021-08",
    "engine": "",
    "actor": "portal",
}


def claims_of(system: System, partner_id: str, count: int, **query: Any) -> list[dict[str, Any]]:
    """So many claims about the partner, once they are recorded."""
    for _ in range(SECONDS_MAX * 20):
        answer = system.http.get(CLAIMS, params={"partner_id": partner_id, **query})
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["claims"]
        if len(found) >= count:
            break
        system.http.get("/compliance/healthz")
    assert len(found) == count
    return found


def asked(system: System, partner_id: str, customer: str = "new", **query: Any) -> dict[str, Any]:
    answer = system.http.get(
        AUTHORISATION.format(partner=partner_id), params={"customer": customer, "min_position": 1, **query}
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def authorised(system: System, partner_id: str) -> int:
    """A partner with one consultant more than it needs; the last position."""
    system.record("partners", f"{partner_id}-p", partner_id=partner_id, kind="DEVELOPER", programme="PARTNER_SUCCESS")
    consultant = f"{partner_id}-c"
    system.record(f"partners/{partner_id}/consultants", f"{partner_id}-l", consultant_id=consultant)
    recorded = system.record("recognised-certifications", f"{partner_id}-r", consultant_id=consultant, product="S200P")
    return int(recorded.json()["position"])


def test_a_claim_is_correct_until_a_late_fact_makes_it_justified(system: System) -> None:
    """What was right by what was known then stays justified when a departure is learned late."""
    position = authorised(system, "P1")
    answer = asked(system, "P1", min_position=position)
    assert answer["allowed"] is True
    (claim,) = claims_of(system, "P1", 1)
    assert (claim["verdict"], claim["allowed"], claim["actor"]) == ("correct", True, "local")
    for member in ("at", "position", "policy_id"):
        assert claim[member] == answer[member]
    recognised = system.http.get("/certification/v1/facts", params={"idempotency_key": "P1-r"}).json()["fact_id"]
    voided = system.record(f"facts/{recognised}/void", "P1-v", reason="recorded in error").json()["position"]
    asked(system, "P1", min_position=voided)
    first, second = claims_of(system, "P1", 2)
    assert (first["verdict"], first["now_allowed"], first["then_allowed"]) == ("justified", False, True)
    assert (second["verdict"], second["allowed"]) == ("correct", False)


def test_a_claim_that_no_facts_bear_out_is_wrong(system: System, templates: Server) -> None:
    position = authorised(system, "P1")
    asked(system, "P1", min_position=position)
    claims_of(system, "P1", 1)
    with psycopg.connect(templates.url(database=ALL_IN_ONE), autocommit=True) as owner:
        owner.execute(
            """
            INSERT INTO audit.claim (
                number, partner_id, product, customer, allowed, at, position, policy_id, engine, actor, recorded_at)
            SELECT number + 1, partner_id, product, customer, NOT allowed, at, position, policy_id, engine, actor,
                recorded_at
            FROM audit.claim
            """
        )
    assert [claim["verdict"] for claim in claims_of(system, "P1", 2)] == ["correct", "wrong"]


def test_equal_answers_are_one_claim_and_others_are_others(system: System) -> None:
    position = authorised(system, "P1")
    for _ in range(5):
        asked(system, "P1", min_position=position)
    asked(system, "P1", "existing", min_position=position)
    asked(system, "P1", min_position=position, at="2022-03-01T00:00:00Z")
    asked(system, "P1", min_position=position, at="2021-03-01T00:00:00Z")
    found = claims_of(system, "P1", 4)
    assert [(claim["customer"], claim["at"], claim["allowed"]) for claim in found] == [
        ("new", "2022-01-01T00:00:00Z", True),
        ("existing", "2022-01-01T00:00:00Z", True),
        ("new", "2022-03-01T00:00:00Z", True),
        ("new", "2021-03-01T00:00:00Z", False),
    ]
    assert {claim["verdict"] for claim in found} == {"correct"}


def test_pages_of_claims_add_up(system: System) -> None:
    position = authorised(system, "P1")
    for month in range(1, 8):
        asked(system, "P1", min_position=position, at=f"2022-0{month}-01T00:00:00Z")
    everything = claims_of(system, "P1", 7)
    pages: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = system.http.get(CLAIMS, params={"partner_id": "P1", "after": after, "limit": 3}).json()
        pages += page["claims"]
        after = page["next"]
    assert pages == everything


def test_a_partner_without_claims_and_one_never_mentioned(system: System) -> None:
    authorised(system, "P1")
    assert system.http.get(CLAIMS, params={"partner_id": "P1"}).json()["claims"] == []
    assert system.http.get(CLAIMS, params={"partner_id": "P9"}).status_code == 404
    for query in (
        "",
        "partner_id=",
        "partner_id=P1&limit=0",
        "partner_id=P1&limit=201",
        "partner_id=P1&at=2022-01-01T00:00:00Z",
    ):
        assert system.http.get(f"{CLAIMS}?{query}").status_code == 422, query


async def test_a_claim_names_its_caller_and_needs_the_scope_audit(
    database: Database, owner: psycopg.Connection
) -> None:
    crm, portal, auditor = (issued(database, *key) for key in KEYS)
    async with served(database) as http:
        assert (await link(http, crm, "k")).status_code == 201
        for key in (portal, auditor):
            assert (await ask(http, key)).status_code == 200
        for key, status in ((crm, 403), (portal, 403), (auditor, 200)):
            assert (await http.get(CLAIMS, params={"partner_id": "P1"}, headers=bearer(key))).status_code == status
    rows = owner.execute(RECORDED).fetchall()
    assert rows == [("P1", "new", False, "portal"), ("P1", "new", False, "auditor")], "also those of the last moment"


async def ask(http: httpx.AsyncClient, key: NewKey, at: str = "2030-01-01T00:00:00Z") -> httpx.Response:
    """An answer as of a position, which needs no follower."""
    query = {"customer": "new", "known_position": str(len(KEYS) + 1), "at": at}
    return await http.get(AUTHORISATION.format(partner="P1"), params=query, headers=bearer(key))


async def test_without_a_place_to_record_answers_go_on_and_readiness_says_so(
    database: Database, owner: psycopg.Connection
) -> None:
    crm, portal, _ = (issued(database, *key) for key in KEYS)
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        superuser.execute("ALTER FUNCTION audit.record_claims(json) RENAME TO record_no_claims")
    async with served(database, claim_queue_max=1) as http:
        assert (await link(http, crm, "k")).status_code == 201
        for month in range(1, 4):
            assert (await ask(http, portal, f"2030-0{month}-01T00:00:00Z")).status_code == 200
        said = ""
        async with asyncio.timeout(SECONDS_MAX):
            while "cannot be recorded" not in said:
                said = (await http.get("/compliance/readyz")).json()["detail"]
        assert "2 were dropped" in said
    assert owner.execute(RECORDED).fetchall() == []


def test_claims_are_recorded_by_a_role_that_may_do_nothing_else(database: Database, owner: psycopg.Connection) -> None:
    with psycopg.connect(database.compliance_url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO audit.claim (partner_id) VALUES ('P1')")
        connection.execute(f"SET ROLE {ROLE}")
        connection.execute("SELECT audit.record_claims('[]')")
        for statement in ("SELECT 1 FROM audit.claim", "DELETE FROM audit.claim", "SELECT 1 FROM compliance.standing"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    for statement in ("UPDATE audit.claim SET allowed = true", "DELETE FROM audit.claim", "TRUNCATE audit.claim"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute(statement)


def test_a_claim_is_recorded_once_however_often_it_is_written(owner: psycopg.Connection) -> None:
    at = datetime(2026, 4, 2, 9, 0, 30, tzinfo=UTC)
    record = "SELECT audit.record_claims(%s)"
    for instant in (at, at, at + timedelta(seconds=29), at + timedelta(seconds=30)):
        owner.execute(record, [json.dumps([{**CLAIM, "at": instant.isoformat()}])])
    recorded = owner.execute("SELECT at FROM audit.claim ORDER BY number").fetchall()
    assert recorded == [(at,), (at + timedelta(seconds=30),)]
    owner.execute(record, [json.dumps([{**CLAIM, "at": at.isoformat(), "position": 1}])])
    assert owner.execute("SELECT count(*) FROM audit.claim").fetchone() == (2,), "it is ahead of the log"
