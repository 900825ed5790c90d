"""A portal change voided and declared again: announced, retracted, announced by the new terms (R25, R27, R33)."""

from typing import Any

from tests.systems import System

BEGIN = "2023-01-09T09:00:00Z"
DECLARED = "2023-01-16T10:00:00Z"
FOUND_OUT = "2023-01-23T12:00:00Z"
AGAIN = "2023-01-30T12:00:00Z"
NEXT = "2023-02-06T12:00:00Z"
PATH = "/compliance/v1/portal-changes/login/notifications"


def declare(system: System, key: str, due_on: str, **more: Any) -> dict[str, Any]:
    body = {"portal_change_id": "login", "products": ["S200P"], "significant": True, "due_on": due_on, "summary": key}
    answer: dict[str, Any] = system.record("portal-changes", key, **(body | more)).json()
    return answer


def void(system: System, key: str, recorded: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = system.record(f"facts/{recorded['fact_id']}/void", key, reason="wrong day").json()
    return answer


def ask(system: System, path: str, **query: Any) -> Any:
    answer = system.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def notices(system: System, **query: Any) -> list[tuple[str, str]]:
    entries = ask(system, "/compliance/v1/partners/acorn/timeline", **query)["entries"]
    return [(entry["summary"], entry["due_on"]) for entry in entries if entry["kind"] == "notice"]


def announced(system: System, position: int) -> list[tuple[str, str | None]]:
    """What subscribers were told of the change, in order, with the due day."""
    ask(system, "/compliance/v1/partners/acorn/compliance/S200P", min_position=position)
    names = {"com.sage.partnercloud.maintenance-required.v1", "com.sage.partnercloud.retracted.v1"}
    events = ask(system, "/compliance/v1/events", after=0, limit=100)
    return [(event["type"].split(".")[3], event["data"].get("due_on")) for event in events if event["type"] in names]


def test_what_is_told_follows_the_declaration_in_force(system: System) -> None:
    system.reset(BEGIN)
    system.record("partners", "enrolled", partner_id="acorn", kind="VAR", programme="PARTNER_SUCCESS")
    system.set_clock(DECLARED)
    first = declare(system, "first", "2023-03-01")
    assert announced(system, first["position"]) == [("maintenance-required", "2023-03-01")]
    assert notices(system) == [("first", "2023-03-01")]

    system.set_clock(FOUND_OUT)
    voided = void(system, "void", first)
    required, retracted = ("maintenance-required", "2023-03-01"), ("retracted", None)
    assert announced(system, voided["position"]) == [required, retracted]
    assert notices(system) == []
    assert ask(system, PATH)["notified"] == []

    system.set_clock(AGAIN)
    second = declare(system, "second", "2023-04-01", effective_at=DECLARED)
    again = ("maintenance-required", "2023-04-01")
    assert announced(system, second["position"]) == [required, retracted, again]
    assert notices(system) == [("second", "2023-04-01")]
    assert ask(system, PATH)["notified"] == ["acorn"]
    for known_at, told in ((DECLARED, [("first", "2023-03-01")]), (FOUND_OUT, []), (AGAIN, [("second", "2023-04-01")])):
        assert notices(system, known_at=known_at, at=AGAIN) == told
        assert ask(system, PATH, known_at=known_at)["notified"] == (["acorn"] if told else [])


def test_an_answer_says_when_the_change_in_force_will_be_announced(system: System) -> None:
    """The voided announcement is no instant at which anything changes; nor is that of a minor change."""
    system.reset(BEGIN)
    system.record("partners", "enrolled", partner_id="acorn", kind="VAR", programme="PARTNER_SUCCESS")
    first = declare(system, "first", "2023-03-01", effective_at=AGAIN)
    position = first["position"]
    assert ask(system, PATH, min_position=position)["next_change_at"] == AGAIN
    position = void(system, "void", first)["position"]
    assert ask(system, PATH, min_position=position)["next_change_at"] is None
    second = declare(system, "second", "2023-03-01", effective_at=NEXT)
    position = second["position"]
    found = ask(system, PATH, min_position=position)
    assert (found["notified"], found["next_change_at"]) == ([], NEXT)
    system.set_clock(AGAIN)
    assert ask(system, PATH)["notified"] == []
    system.set_clock(NEXT)
    found = ask(system, PATH)
    assert (found["notified"], found["next_change_at"]) == (["acorn"], None)
    position = void(system, "void-2", second)["position"]
    minor = declare(system, "third", "2023-03-01", significant=False, effective_at="2023-02-20T00:00:00Z")
    found = ask(system, PATH, min_position=max(position, minor["position"]))
    assert (found["notified"], found["next_change_at"]) == ([], None)
