"""Every validator, parser and filter is linear in its input: ten times as much takes about ten times as long.

CPU time of the same work at two sizes in the same run is compared, never time with a limit. What is quadratic takes a
hundred times as long.
"""

from collections.abc import Callable
from contextlib import suppress
from time import thread_time
from types import SimpleNamespace
from typing import Any, Final

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request

from services.certification.api import fact_routes, fields
from services.compliance.api import query_params, webhook_fields
from services.compliance.api.events import EventsQuestion
from services.compliance.historical_answers.questions import PartnersList, Question, WindowsList
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.webhooks.transport.urls import UnacceptableUrl, check_url
from services.host import request_guard
from services.host.documented_operations import Operation, Paths
from services.host.refused_request import RefusedRequest
from services.web import event_feed, json_limits
from services.web.comma_list_header import listed
from services.web.input_parsing import (
    distinct_members,
    parse_any_instant,
    parse_number,
    parse_whole_number,
    reject_duplicate_keys,
)
from services.web.preconditions import expected
from services.web.refusal import Refusal
from services.web.sold_products import require_sold
from shared.events.compliance_events import TYPE_OF
from tests.contract.test_openapi import apps

SLACK: Final = 3.0
"""So many times more than tenfold is still linear: caches, and a machine that does something else."""
ENOUGH_SECONDS: Final = 0.004
"""Work is repeated until it takes so long: a single call is too short to be measured."""
REFUSED: Final = (
    ValueError,
    RequestValidationError,
    Refusal,
    UnacceptableUrl,
    RefusedRequest,
)

TYPES: Final = list(TYPE_OF.values())
PATHS: Final = Paths(apps().values())
FEED: Final = Operation({"partner_id": True, "after": False}, ())


def headers(*lines: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.encode(), value.encode()) for name, value in lines])


def request(query: str = "", *lines: tuple[str, str]) -> Request:
    app = SimpleNamespace(state=SimpleNamespace(compliance=SimpleNamespace(parameters=PARAMETERS)))
    return Request({"type": "http", "app": app, "query_string": query.encode(), "headers": headers(*lines).raw})


def asked(kind: type[Question], query: str) -> Callable[[], object]:
    return lambda: query_params.question_of(request(query), kind)


def validated(annotation: Any, value: object) -> Callable[[], object]:
    adapter = TypeAdapter(annotation)
    return lambda: adapter.validate_python(value)


def names(count: int, *more: str) -> bytes:
    return ("{" + ",".join(f'"{name}":1' for name in (*map(str, range(count)), *more)) + "}").encode()


def members(content: bytes) -> Callable[[], object]:
    return lambda: fact_routes.decode_body(content)


def pairs(count: int) -> list[tuple[str, Any]]:
    return [(str(min(number, count - 2)), 1) for number in range(count)]


CASES: Final[dict[str, Callable[[int], Callable[[], object]]]] = {
    # bodies
    "depth of brackets side by side": lambda n: lambda: json_limits.depth(b"[]" * n),
    "depth of strings": lambda n: lambda: json_limits.depth(b'"a",' * n),
    "depth of escapes": lambda n: lambda: json_limits.depth(b'"' + b"\\\\" * n),
    "depth of quotes": lambda n: lambda: json_limits.depth(b'"' * n),
    "encoding": lambda n: lambda: json_limits.is_utf_8("é".encode() * n),
    "names that differ": lambda n: members(names(n)),
    "the last name again": lambda n: members(names(n, str(n - 1))),
    "names of an object": lambda n: lambda: distinct_members(pairs(n)),
    "media type": lambda n: (
        lambda: request_guard._is_taken({b"content-type": b"application/json" + b";a=b" * n}, ("a/b",))
    ),
    "products of a portal change": lambda n: validated(fields.Products, [f"P{number}" for number in range(n)]),
    "partners of a filter": lambda n: validated(webhook_fields.FilterBody, {"partner_ids": ["P1"] * n}),
    "types of a filter": lambda n: lambda: event_feed.full_types(TYPES * n, TYPES),
    "products of a filter": lambda n: lambda: require_sold(["S200P"] * n, ("S200P", "S200S")),
    # text
    "an id": lambda n: validated(fields.Id, "a" * n),
    "an instant": lambda n: lambda: parse_any_instant("2" * n),
    "a fraction of a second": lambda n: lambda: parse_any_instant("2022-01-01T00:00:00." + "1" * n + "Z"),
    "a whole number": lambda n: lambda: parse_whole_number("9" * n),
    "a number": lambda n: lambda: parse_number("0." + "9" * n),
    "a day": lambda n: validated(fields.Day, "2" * n),
    "a score": lambda n: validated(fields.Score, "1" * n),
    "a programme": lambda n: validated(fields.Programme, "A" * n),
    "a correlation id": lambda n: validated(fields.CorrelationId, "a-" * n),
    "free text": lambda n: validated(fields.Text, "\x00" * n),
    "a cursor of partners": lambda n: asked(PartnersList, "after=" + "P~" * n),
    "a cursor of windows": lambda n: asked(WindowsList, "after=" + "2022~P" * n),
    "labels of a host": lambda n: lambda: check_url("https://" + "a." * n, plain_http=True, networks=()),
    "digits of a host": lambda n: lambda: check_url("https://" + "1" * n, plain_http=True, networks=()),
    "colons of a host": lambda n: lambda: check_url("https://" + ":" * n, plain_http=True, networks=()),
    "brackets of a host": lambda n: lambda: check_url("https://" + "]:" * n, plain_http=True, networks=()),
    "a path of a URL": lambda n: lambda: check_url("https://a/" + "%41" * n, plain_http=True, networks=()),
    # heads
    "names of parameters": lambda n: lambda: request_guard._check_query(b"&".join([b"partner_id=P"] * n), FEED),
    "escapes in a name": lambda n: lambda: request_guard._check_query(b"%41" * n, FEED),
    "partners of a question": lambda n: asked(EventsQuestion, "&".join(["partner_id=P1"] * n)),
    "types of a question": lambda n: asked(EventsQuestion, "&".join(["type=retracted"] * n)),
    "headers": lambda n: lambda: request_guard._single_headers({"headers": [(b"a", b"b")] * n}),
    "media types that are accepted": lambda n: (
        lambda: event_feed.asks_for_stream(request("", ("accept", "a/b;q=0," * n)))
    ),
    "parameters of a media type": lambda n: (
        lambda: event_feed.asks_for_stream(request("", ("accept", "text/event-stream" + ";q =0 " * n)))
    ),
    "spaces in Accept": lambda n: (
        lambda: event_feed.asks_for_stream(request("", ("accept", "text/event-stream;" + " " * n)))
    ),
    "lines of a list": lambda n: lambda: listed(headers(*[("accept", "a/b")] * n), "accept"),
    "tags that are known": lambda n: lambda: event_feed._has(headers(("if-none-match", '"a", ' * n)), '"b"'),
    "tags that are expected": lambda n: lambda: expected('"a", ' * n),
    "spaces between tags": lambda n: lambda: expected('"a"' + " " * n + "x"),
    "commas between tags": lambda n: lambda: expected("," * n + "x"),
    "a tag that does not end": lambda n: lambda: expected('"' + "a" * n),
    "a last event id": lambda n: lambda: event_feed.resumed("9" * n),
    "parts of a path": lambda n: lambda: PATHS.find("/certification/v1/partners" + "/a" * n),
    "a long part": lambda n: lambda: PATHS.find("/certification/v1/partners/" + "a" * n + "/merger"),
}


def seconds(work: Callable[[], object], times: int) -> float:
    start = thread_time()
    for _ in range(times):
        with suppress(*REFUSED):
            work()
    return thread_time() - start


@pytest.mark.parametrize("name", CASES)
def test_tenfold_input_takes_about_tenfold_time(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    # The limits hold besides; here it is shown what they limit.
    monkeypatch.setattr(json_limits, "PARTS_MAX", 10**9)
    monkeypatch.setattr(request_guard, "QUERY_PARAMETERS_MAX", 10**9)
    monkeypatch.setattr("services.web.input_parsing.MEMBERS_MAX", 10**9)
    small, large = CASES[name](1_000), CASES[name](10_000)
    times = 1
    while seconds(small, times) < ENOUGH_SECONDS and times < 1 << 14:
        times *= 2
    ratios = (seconds(large, times) / seconds(small, times) for _ in range(5))
    assert min(ratios) <= 10 * SLACK


async def test_a_name_that_is_given_twice_is_found_among_seventy_five_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The body that stopped a process for four minutes; it is refused for its size long before, now."""
    monkeypatch.setattr("services.web.input_parsing.MEMBERS_MAX", 10**9)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": names(75_000, "74999"), "more_body": False}

    with pytest.raises(RequestValidationError):
        await reject_duplicate_keys(Request({"type": "http", "headers": []}, receive))


def test_a_case_that_is_quadratic_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(size: int) -> Callable[[], object]:
        listed = list(range(size))
        return lambda: [number for number in listed if listed.count(number) > 1]

    monkeypatch.setitem(CASES, "quadratic", counted)
    with pytest.raises(AssertionError):
        test_tenfold_input_takes_about_tenfold_time(monkeypatch, "quadratic")


def test_nothing_is_refused_but_as_expected() -> None:
    """No case measures an error of its own making: each is accepted or refused."""
    for make in CASES.values():
        with suppress(*REFUSED, ValidationError):
            make(10)()
