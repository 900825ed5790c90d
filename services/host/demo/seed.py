"""Posts the story to a running system, whose clock it moves from call to call."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, Final

from services.host.demo.story import CONSULTANT_NAMES, DAYS, FIRST_KEY, PARTNER_NAMES, ScriptedCall, story
from shared.events.facts import TOPIC_OF
from shared.events.system_facts import EngineInstalled

CALL_SECONDS_MAX: Final = 60

STEPS_REPORTED: Final = 4


class SeedResult(Enum):
    """NOW: the story was posted. BEFORE: the system had it. SOMETHING_ELSE: the system holds other facts."""

    NOW = "now"
    BEFORE = "before"
    SOMETHING_ELSE = "something else"


class CallFailed(Exception):
    """The system did not answer as the story needs it."""


_ENGINE_INSTALLED: Final = TOPIC_OF[EngineInstalled]
"""The type of the fact that a new system records about itself."""


class Caller:
    """Calls a system by HTTP, with the standard library: nothing to install beside the system itself."""

    def __init__(self, origin: str, key: str | None) -> None:
        self._origin = origin
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}

    def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and body of the answer. Raises `OSError` without an answer."""
        request = urllib.request.Request(
            self._origin + path,
            data=None if body is None else json.dumps(body).encode(),
            headers=self._headers | headers,
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=CALL_SECONDS_MAX) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.load(refusal)

    def do(self, method: str, path: str, body: object, **headers: str) -> None:
        """Raises `CallFailed` unless it is done."""
        status, answer = self.call(method, path, body, **headers)
        if status >= 300:
            raise CallFailed(f"{method} {path} answered {status}: {answer.get('detail', answer)}")


def seed(caller: Caller, present: datetime, on_progress: Callable[[str], None]) -> SeedResult:
    """Posts the story up to `present` to an empty system, whose clock then runs on from there.

    A system that holds other facts is left alone; an interrupted story is posted again from the start.
    Raises `CallFailed`.
    """
    calls = story(present)
    if _recorded(caller, calls[-1]):
        return SeedResult.BEFORE
    _, facts = caller.call("GET", "/certification/v1/events?after=0&limit=100")
    if any(fact["type"] != _ENGINE_INSTALLED for fact in facts) and not _recorded(caller, calls[0]):
        return SeedResult.SOMETHING_ELSE
    caller.do("POST", "/sandbox/v1/reset", {"now": calls[0].recorded_at.isoformat()})
    for partner_id, name in PARTNER_NAMES.items():
        caller.do("PUT", f"/certification/v1/partners/{partner_id}/profile", {"name": name})
    for consultant_id, name in CONSULTANT_NAMES.items():
        profile = {"name": name, "email": f"{consultant_id}@partner.example"}
        caller.do("PUT", f"/certification/v1/consultants/{consultant_id}/profile", profile)
    for number, call in enumerate(calls):
        if number % -(-len(calls) // STEPS_REPORTED) == 0:
            on_progress(f"posting the story: {call.recorded_at:%d %B %Y}")
        _make_call(caller, call)
    caller.do("PUT", "/sandbox/v1/clock", {"now": present.isoformat(), "running": True})
    return SeedResult.NOW


def seeded_on(caller: Caller) -> date:
    """The present day of the story that a system holds. Raises `CallFailed` if it holds none."""
    status, fact = caller.call("GET", f"/certification/v1/facts?idempotency_key={FIRST_KEY}")
    if status != 200:
        raise CallFailed("the system holds no story")
    return datetime.fromisoformat(fact["recorded_at"]).date() + timedelta(days=DAYS)


def _recorded(caller: Caller, call: ScriptedCall) -> bool:
    status, _ = caller.call("GET", f"/certification/v1/facts?idempotency_key={call.key}")
    return status == 200


def _make_call(caller: Caller, call: ScriptedCall) -> None:
    caller.do("PUT", "/sandbox/v1/clock", {"now": call.recorded_at.isoformat()})
    path = f"/certification/v1/{call.path}"
    caller.do("POST", path, call.body, **{"Idempotency-Key": call.key})
