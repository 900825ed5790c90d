"""The client against a running system: answers of the declared types, once recorded, page after page."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import islice
from types import UnionType
from typing import Any, Final, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import httpx
import pytest

from sagecert_client import (
    AsyncClient,
    Client,
    Refused,
    Request,
    Retries,
    SagecertError,
    Unreachable,
    Unreadable,
)
from sagecert_client.calls import batches, events, exams, facts, health, lists, partners, policy, sandbox, webhooks
from tests.systems import START, System

PARTNERS: Final = ("a", "b", "c")


@pytest.fixture
def client(system: System) -> Iterator[Client]:
    """Of an empty system."""
    with Client(system.url) as client:
        yield client


def enrol(partner_id: str, **more: Any) -> Request[Any]:
    return partners.enrol_partner(partner_id=partner_id, kind="VAR", programme="PARTNER_SUCCESS", **more)


def declared(function: Any, answer: object) -> None:
    """Whether the answer is of the type that the call declares, with no member more."""
    differs(answer, get_args(get_type_hints(function)["return"])[0], function.__name__)


def differs(value: Any, kind: Any, where: str) -> None:
    """Fails where a value is not of its type, or has members that its type has not."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        extras = get_type_hints(kind, include_extras=True)
        needed = {name for name, one in extras.items() if get_origin(one) is not NotRequired}
        assert needed <= value.keys() <= hints.keys(), f"{where}: {sorted(value)} is no {kind.__name__}"
        for name, member in value.items():
            differs(member, hints[name], f"{where}.{name}")
    elif origin is list:
        for one in value:
            differs(one, arguments[0], f"{where}[]")
    elif origin is Literal:
        assert value in arguments, f"{where}: {value!r} is none of {arguments}"
    elif origin in (Union, UnionType):
        assert any(matches(value, one, where) for one in arguments), f"{where}: {value!r} is no {kind}"
    elif kind is not Any and origin is not dict:
        assert type(value) is kind, f"{where}: {value!r} is no {kind}"


def matches(value: Any, kind: Any, where: str) -> bool:
    try:
        differs(value, kind, where)
    except (AssertionError, AttributeError):
        return False
    return True


def test_answers_are_of_the_types_that_are_declared(client: Client) -> None:
    declared(partners.enrol_partner, client.send(enrol("a")))
    linked = client.send(
        partners.link_consultant("a", consultant_id="ada", effective_at=datetime(2021, 6, 1, tzinfo=UTC))
    )
    declared(partners.link_consultant, linked)
    registered = client.send(
        exams.register(registration_id="e 1".replace(" ", "-"), consultant_id="ada", product="S200P")
    )
    declared(exams.register, registered)
    position = registered["position"]
    for function, answer in (
        (exams.registration, client.send(exams.registration("e-1"))),
        (partners.compliance, client.send(partners.compliance("a", "S200P", min_position=position))),
        (partners.timeline, client.send(partners.timeline("a"))),
        (lists.partners, client.send(lists.partners(status=["not_yet_authorised", "compliant"], product="S200P"))),
        (facts.fact, client.send(facts.fact(linked["fact_id"]))),
        (policy.policy, client.send(policy.policy())),
        (webhooks.endpoints, client.send(webhooks.endpoints())),
        (health.compliance_ready, client.send(health.compliance_ready())),
        (sandbox.clock, client.send(sandbox.clock())),
    ):
        declared(function, answer)


def test_pages_feeds_batches_and_tables(client: Client) -> None:
    lines = [{"idempotency_key": one, "path": "/certification/v1/partners", "body": {**_body(one)}} for one in PARTNERS]
    answers = list(client.lines(batches.record_batch(lines=lines)))
    assert [answer["status"] for answer in answers] == [201, 201, 201]
    client.send(lists.partners(min_position=answers[-1]["body"]["position"]))
    assert {item["partner_id"] for item in client.items(lists.partners(limit=1, product="S200P"))} == set(PARTNERS)
    assert len(list(client.pages(lists.partners(limit=2, product="S200P")))) == 2
    told = list(client.follow(events.events(limit=2), wait=False))
    assert [event["position"] for event in told] == list(range(1, len(told) + 1))
    assert [event["position"] for event in islice(client.follow(events.events(after=2)), 2)] == [3, 4]
    assert {fact["subject"] for fact in client.follow(facts.events(partner_id=["b"]), wait=False)} == {"partner-b"}
    table = b"".join(client.file(lists.partners(product="S200P").table)).decode("utf-8-sig").splitlines()
    assert len(table) == 1 + len(PARTNERS)


def _body(partner_id: str) -> dict[str, str]:
    return {"partner_id": partner_id, "kind": "VAR", "programme": "PARTNER_SUCCESS"}


def test_a_refusal_names_everything_at_fault(client: Client) -> None:
    with pytest.raises(Refused) as refused:
        client.send(exams.score_attempt("e-1", attempt=3, score="84.50"))
    assert (refused.value.status, refused.value.type, refused.value.rule) == (422, "no-such-attempt", "R5")
    with pytest.raises(Refused) as refused:
        client.send(enrol("not an id", effective_at=START[:-1]))
    assert {error["parameter"] for error in refused.value.errors} == {"partner_id", "effective_at"}
    with pytest.raises(ValueError, match="no offset"):
        enrol("a", effective_at=datetime(2022, 1, 1))  # noqa: DTZ001 - that is what is refused


class LosesAnswers(httpx.HTTPTransport):
    """A network that delivers calls, and loses the first answers."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost = lost
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        response = super().handle_request(request)
        if len(self.sent) <= self.lost:
            response.close()
            raise httpx.ReadError("the answer is lost")
        return response


def test_a_fact_whose_answer_is_lost_is_recorded_once(system: System) -> None:
    network, waited = LosesAnswers(2), list[float]()
    with Client(system.url, transport=network, sleep=waited.append) as client:
        request = enrol("a")
        with client.response(request, whole=True) as response:
            assert (response.status_code, response.headers["idempotent-replayed"]) == (200, "true")
        assert len({sent.headers["idempotency-key"] for sent in network.sent}) == 1
        assert len(network.sent) == 3
        recorded = client.send(facts.fact_by_key(idempotency_key=network.sent[0].headers["idempotency-key"]))
    assert recorded["fact_id"] == response.json()["fact_id"]
    assert waited[0] < waited[1]


def test_a_call_that_could_do_something_twice_is_made_once(system: System) -> None:
    network = LosesAnswers(9)
    with Client(system.url, transport=network, sleep=lambda _: None) as client:
        with pytest.raises(Unreachable):
            client.send(webhooks.replay("wh_1", from_="origin"))
        assert len(network.sent) == 1
        with pytest.raises(Unreachable):
            client.send(policy.policy())
        assert len(network.sent) == 1 + Retries().attempts_max


def test_what_passes_is_waited_for_as_advised() -> None:
    answers = iter(
        [httpx.Response(503, headers={"retry-after": "7"}), httpx.Response(429), httpx.Response(200, json={})]
    )
    waited = list[float]()
    network = httpx.MockTransport(lambda _: next(answers))
    with Client("http://sagecert.example", transport=network, sleep=waited.append) as client:
        client.send(policy.policy())
    assert waited[0] == 7.0
    assert 0 < waited[1] <= 1.0


PAGE: Final = {"partners": [], "next": "a~S200P"}


@pytest.mark.parametrize(
    ("content", "headers", "error"),
    [
        (b"<html>Please log in</html>", {"content-type": "text/html"}, Unreadable),
        (b"", {}, Unreadable),
        (b"[" * 100_000, {}, Unreadable),
        (b"7", {}, Unreadable),
        (b"\xff{}", {}, Unreadable),
        (json.dumps({"partners": {}, "next": None}).encode(), {}, Unreadable),
        (json.dumps({"partners": []}).encode(), {}, Unreadable),
        (json.dumps(PAGE).encode(), {}, Unreadable),
        (b"no gzip", {"content-encoding": "gzip"}, Unreachable),
    ],
)
async def test_what_is_no_answer_is_an_error_of_the_client(
    content: bytes, headers: dict[str, str], error: type[SagecertError]
) -> None:
    network = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=Body(content)))
    once = Retries(attempts_max=1)
    batch = batches.record_batch(lines=[])
    with Client("http://sagecert.example", transport=network, retries=once) as client:
        for ask in (lambda: client.items(lists.partners()), lambda: client.follow(events.events(), wait=False)):
            with pytest.raises(error):
                list(islice(ask(), 1))
        if content:
            with pytest.raises(error if error is Unreachable or content[:1] != b"{" else AssertionError):
                assert not list(client.lines(batch))
    async with AsyncClient("http://sagecert.example", transport=network, retries=once) as client_of_loop:
        with pytest.raises(error):
            async for _ in client_of_loop.items(lists.partners()):
                pass
        with pytest.raises(error):
            async for _ in client_of_loop.follow(events.events(), wait=False):
                pass


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Bytes that are decoded when they are read, as those of a network."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content


def test_a_feed_that_does_not_wait_is_not_asked_without_a_pause() -> None:
    answers = iter([[], [], [{"position": 1}]])
    waited = list[float]()
    network = httpx.MockTransport(lambda _: httpx.Response(200, json=next(answers)))
    with Client("http://sagecert.example", transport=network, sleep=waited.append) as client:
        assert next(client.follow(events.events()))["position"] == 1
    assert waited == [0.5, 0.5]


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_an_id_that_would_make_another_path_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no id"):
        partners.compliance(name, "S200P")


async def test_the_same_without_threads(system: System) -> None:
    async with AsyncClient(system.url, timeout_seconds=30) as client:
        for one in PARTNERS:
            recorded = await client.send(enrol(one))
        await client.send(lists.partners(min_position=recorded["position"]))
        found = [item["partner_id"] async for item in client.items(lists.partners(limit=2, product="S200P"))]
        assert sorted(found) == sorted(PARTNERS)
        told = [event["position"] async for event in client.follow(events.events(), wait=False)]
        assert told == list(range(1, len(told) + 1))
        table = b"".join([part async for part in client.file(lists.partners().table)])
        assert table.startswith(b"\xef\xbb\xbf")
        with pytest.raises(Refused, match="never-mentioned"):
            await client.send(partners.compliance("nobody", "S200P"))
