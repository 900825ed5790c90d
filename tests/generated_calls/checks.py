"""What holds of every answer to a generated call. Loaded by Schemathesis, in the process that calls."""

import os
import re
from contextlib import suppress
from typing import Any, Final

import schemathesis

from services.web.event_feed import TIMEOUT_SECONDS_MAX
from services.web.feed_events import POSITION_MAX

PROTECTED_BY: Final = ("x-content-type-options", "referrer-policy", "content-security-policy", "cache-control")
WAITS: Final = {"timeout": (0.05, TIMEOUT_SECONDS_MAX), "min_position": (0, POSITION_MAX)}
"""What a call may wait for: how much of it is enough here, and what the document allows."""

FIRST_OF_A_KIND: Final = "FIRST_OF_A_KIND"
"""The variable that asks for one call of each kind; see `first_of_its_kind`."""

_seen: Final = set[tuple[object, ...]]()


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Whether the call is made."""
    return FIRST_OF_A_KIND not in os.environ or first_of_its_kind(case)


def first_of_its_kind(case: Any) -> bool:
    """Of the calls that Schemathesis derives one by one: each that fits, and of those that do not, one of each kind.

    A kind is what is wrong with which field of which operation. The others are mostly one more wrong type there.
    """
    if case.meta is None or case.meta.phase.name.value != "coverage" or case.meta.generation.mode.is_positive:
        return True
    wrong = case.meta.phase.data
    kind = (case.operation.label, wrong.scenario, wrong.parameter_location, wrong.parameter, wrong.description)
    if kind in _seen:
        return False
    _seen.add(kind)
    return True


@schemathesis.hook
def before_call(context: Any, case: Any, **_: Any) -> None:
    """Nobody waits long: what is waited for is had by then, and a long poll is short."""
    for name, (enough, allowed) in WAITS.items():
        with suppress(TypeError, ValueError):
            if case.query and enough < float(case.query.get(name, 0)) <= allowed:
                case.query[name] = enough


@schemathesis.check
def problems(context: Any, response: Any, case: Any) -> None:
    """Every refusal is a problem document; no call fails the service."""
    status = response.status_code
    if status < 400:
        return
    assert response.headers["content-type"][0] == "application/problem+json", response.headers["content-type"]
    problem = response.json()
    assert problem.keys() >= {"type", "title", "status", "detail"}, problem
    assert problem["status"] == status, problem
    assert status < 500 or (status == 503 and "retry-after" in response.headers), problem


@schemathesis.check
def protection(context: Any, response: Any, case: Any) -> None:
    """Every answer has the headers that protect it."""
    missing = [name for name in PROTECTED_BY if name not in response.headers]
    assert not missing, missing


@schemathesis.check
def forms(context: Any, response: Any, case: Any) -> None:
    """What the document allows is never refused for its form.

    But for 1.0: to JSON Schema that is an integer, and there is no way to say otherwise.
    """
    if response.status_code != 422 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    problem = response.json()
    if not problem["type"].endswith(":malformed-request"):
        return
    if "valid integer" in problem["detail"] and re.search(r"\d\.0\b", repr(case.body)):
        return
    of_body = problem["detail"].startswith(("The field", "There is no field", "The body", "A body"))
    assert not of_body, f"{problem['detail']} {case.body!r}"
