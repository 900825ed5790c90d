"""No field or header that ends in a fact has room for a name or an address: a fact can never be erased."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from services.certification.app import create_app
from services.certification.settings import CertificationSettings
from tests.certification.caller import PREFIX, Caller, kind_of
from tests.databases import Database

NAMES = (
    "Jane Doe",
    "jane.doe@example.org",
    "10 Downing Street",
    "Zoë Ångström",
    "+44 7700 900123",
    "O'Brien",
)
PUBLIC_TEXT = {"summary"}
"""Written by Sage for every partner, and published."""

REASON = {"reason": "recorded in error"}
BODIES: dict[str, dict[str, Any]] = {
    "partners": {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS", "name": "Harbour"},
    "partners/P1/kind-changes": {"kind": "DEVELOPER"},
    "partners/P1/programme-changes": {"programme": "NONE"},
    "partners/P1/closure": {},
    "partners/P1/merger": {"into": "P2"},
    "partners/P1/consultants": {"consultant_id": "C1"},
    "partners/P1/departures": {"consultant_id": "C1", **REASON},
    "course-completions": {"consultant_id": "C1", "product": "S200P", "portal_change_id": "CH1"},
    "exam-registrations": {
        "registration_id": "R1",
        "consultant_id": "C1",
        "product": "S200P",
        "portal_change_id": "CH1",
    },
    "exam-registrations/R1/attempts": {"attempt": 1, "score": "90"},
    "exam-registrations/R1/attempts/1/corrections": {"score": "90", **REASON},
    "recognised-certifications": {"consultant_id": "C1", "product": "S200P", "evidence": "a diploma"},
    "certification-revocations": {"consultant_id": "C1", "product": "S200P", **REASON},
    "portal-changes": {
        "portal_change_id": "CH1",
        "products": ["S200P"],
        "significant": True,
        "due_on": "2099-01-01",
        "summary": "a change",
    },
    "policy-revisions": {
        "policy_id": "2090-01",
        "window_days": 45,
        "minimum": {"VAR": 3, "DEVELOPER": 2},
        "programmes": ["PARTNER_ELITE"],
        "reminder_days": [14, 1],
        **REASON,
    },
    "portal-changes/CH1/corrections": {
        "due_on": "2099-02-01",
        "products": ["S200P"],
        "significant": True,
        **REASON,
    },
    "facts/F1/void": REASON,
}
"""Path to a body that is accepted, with every field that it can have."""

OPAQUE = (
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "01890A5D-AC96-774B-BCCE-B302099A8057",
    "01890a5dac96774bbcceb302099a8057",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "01arz3ndektsv4rrffq69g5fav",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "00f067aa0ba902b7",
    "9" * 16,
    "f" * 64,
)
READABLE = (
    *NAMES[:3],
    "jane",
    "Jane-Doe",
    "jane_doe",
    "JANEDOE",
    "Ada",
    "deadbeef",
    "call-of-jane-doe-of-2026-03-01",
    "10-downing-street-london",
    "01234567890",
    "447700900123",
    "1984-03-12",
    "19840312",
    "f" * 65,
    "01890a5d-ac96-774b-bcce-b302099a8057 ",
    "01890a5d-ac96-774b-bcce-b302099a8057;jane",
    "jane-01890a5d-ac96-774b-bcce-b302099a8057",
    "81ARZ3NDEKTSV4RRFFQ69G5FAV",
    "01ARZ3NDEKTSV4RRFFQ69G5FAI",
    "",
)


def written(database: Database) -> str:
    """The stored bytes of every fact, metadata included, as one text."""
    with psycopg.connect(database.owner_url) as connection:
        rows = connection.execute("SELECT state FROM certification.stored_events").fetchall()
    return "\n".join(bytes(state).decode() for (state,) in rows)


def with_name(path: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The body with the name in place of each text that it has, one after the other."""
    for field, value in BODIES[path].items():
        if field not in PUBLIC_TEXT and not isinstance(value, bool):
            yield field, {**BODIES[path], field: [name] if isinstance(value, list) else name}
    for field in ("effective_at", "note", "consultant_name"):
        yield field, {**BODIES[path], field: name}


async def test_a_name_in_any_field_ends_in_no_fact(caller: Caller, database: Database) -> None:
    """Either it is refused, or the fact holds a hash and the text lies where it can be erased."""
    voidable = (await caller.post("partners/P9/closure")).json()["fact_id"]
    for path in BODIES:
        for name in NAMES:
            for _field, body in with_name(path, name):
                answer = await caller.post(path.replace("F1", voidable), **body)
                assert answer.status_code in (200, 201, 202, 409, 422), answer.text
    facts = written(database)
    for name in NAMES:
        assert name not in facts
        assert repr(name)[1:-1] not in facts


def test_every_way_to_record_a_fact_is_tried() -> None:
    """Every POST of the interface, and every field that its body can have."""
    document = create_app(CertificationSettings(database_url="postgresql://nowhere/none")).openapi()
    schemas = document["components"]["schemas"]
    known = {PREFIX + path: set(body) for path, body in BODIES.items()}
    samples = {"{partner_id}": "P1", "{registration_id}": "R1", "{attempt}": "1", "{fact_id}": "F1"}
    samples["{portal_change_id}"] = "CH1"
    offered = {}
    for path, methods in document["paths"].items():
        if "post" in methods and not path.endswith("/batches"):  # lines of it are calls of the others
            (body,) = methods["post"]["requestBody"]["content"].values()
            reference = body["schema"].get("$ref") or body["schema"]["anyOf"][0]["$ref"]
            fields = set(schemas[reference.rpartition("/")[2]]["properties"]) - {"effective_at"}
            for parameter, sample in samples.items():
                path = path.replace(parameter, sample)
            offered[path] = fields
    assert offered == known


@pytest.mark.parametrize("correlation_id", OPAQUE)
async def test_a_conversation_has_an_opaque_id(caller: Caller, database: Database, correlation_id: str) -> None:
    headers = {"Idempotency-Key": "k1", "X-Correlation-Id": correlation_id}
    body = {"consultant_id": "C1", "product": "S200P"}
    answer = await caller.http.post(PREFIX + "recognised-certifications", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert {event["correlationid"] for event in await caller.log()} == {correlation_id}


async def test_what_can_be_read_is_no_opaque_id(caller: Caller) -> None:
    for correlation_id in READABLE:
        headers = {"Idempotency-Key": "k1", "X-Correlation-Id": correlation_id}
        answer = await caller.http.post(PREFIX + "partners/P1/closure", headers=headers)
        assert (answer.status_code, kind_of(answer)) == (422, "malformed-request"), correlation_id
        assert answer.json()["parameter"] == "x-correlation-id"
        assert "a UUID, a ULID, a W3C traceparent" in answer.json()["detail"]
        assert not correlation_id or correlation_id not in answer.json()["detail"]
    assert await caller.log() == []


@pytest.mark.parametrize(
    "programme",
    ["Partner Success", "Partner Success Plus", "partner_success", "PARTNER-SUCCESS", "_X", "9X", "", "X" * 65, "É", 1],
)
async def test_a_programme_is_a_code_and_the_refusal_names_those_that_enrol(caller: Caller, programme: object) -> None:
    """R11: Sage's own spelling is refused as well."""
    for path, body in (
        ("partners", {"partner_id": "P1", "kind": "VAR", "programme": programme}),
        ("partners/P1/programme-changes", {"programme": programme}),
    ):
        answer = await caller.post(path, **body)  # type: ignore[arg-type]  # the body is on trial
        assert (answer.status_code, kind_of(answer), answer.json()["parameter"]) == (
            422,
            "malformed-request",
            "programme",
        )
        for code in ("PARTNER_SUCCESS", "PARTNER_SUCCESS_PLUS", "NONE"):
            assert code in answer.json()["detail"]
    assert await caller.log() == []


@pytest.mark.parametrize("programme", ["PARTNER_SUCCESS", "PARTNER_SUCCESS_PLUS", "RESELLER", "NONE", "X", "X" * 64])
async def test_any_code_is_a_programme(caller: Caller, programme: str) -> None:
    assert (await caller.post("partners", partner_id="P1", kind="VAR", programme=programme)).status_code == 201


def test_the_interface_states_the_patterns() -> None:
    document = create_app(CertificationSettings(database_url="postgresql://nowhere/none")).openapi()
    enrolment = document["components"]["schemas"]["Enrolment"]["properties"]["programme"]
    assert enrolment["pattern"] == "^[A-Z][A-Z0-9_]{0,63}$"
    for methods in document["paths"].values():
        for parameter in methods.get("post", {}).get("parameters", ()):
            if parameter["name"].lower() == "x-correlation-id":
                (schema,) = [one for one in parameter["schema"]["anyOf"] if one != {"type": "null"}]
                assert schema["pattern"].startswith("^(")
