"""What the sender of batches does when the system answers half, late, or not at all."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from click import ClickException

from services.cli.http_without_redirects import Unreachable
from services.cli.imports.batch_client import BatchClient, LineAnswer
from services.cli.reconciliation.recorded_facts import LogReader

LINES: Final = [b'{"line": 1}', b'{"line": 2}', b'{"line": 3}']
Reply = tuple[int, dict[str, str], bytes]


def answers(*statuses: int) -> bytes:
    """The answers to as many lines."""
    return b"".join(
        json.dumps({"line": line, "status": status, "body": {"fact_id": f"F{line}", "position": line}}).encode() + b"\n"
        for line, status in enumerate(statuses, 1)
    )


@contextmanager
def system(*replies: Reply) -> Iterator[tuple[str, list[tuple[str, str | None, list[bytes]]]]]:
    """A system that gives these replies, one after the other, and what it was sent."""
    sent: list[tuple[str, str | None, list[bytes]]] = []
    following = iter(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent.append((self.path, self.headers["Authorization"], body.splitlines()))
            status, headers, content = next(following)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", sent
        finally:
            server.shutdown()


def client(url: str, slept: list[float], **settings: Any) -> BatchClient:
    """A client that only notes how long it would wait."""
    sleep: Callable[[float], None] = slept.append
    return BatchClient(url, "a-key", sleep=sleep, patience_seconds=20, **settings)


def statuses(found: Sequence[LineAnswer]) -> list[int]:
    return [answer.status for answer in found]


def test_lines_without_an_answer_are_sent_again_and_no_others() -> None:
    slept: list[float] = []
    replies: list[Reply] = [(200, {}, answers(201)), (200, {}, answers(503, 422)), (200, {}, answers(202))]
    with system(*replies) as (url, sent):
        found = client(url, slept, history=True).send(LINES)
    assert statuses(found) == [201, 202, 422]
    assert [lines for _, _, lines in sent] == [LINES, LINES[1:], LINES[1:2]]
    assert {(path, key) for path, key, _ in sent} == {("/certification/v1/batches?history=true", "Bearer a-key")}
    assert slept == []


def test_an_answer_cut_in_the_middle_of_a_line_is_asked_for_again() -> None:
    slept: list[float] = []
    cut = answers(201, 201)[:-20]
    replies: list[Reply] = [(200, {"Content-Length": "4000"}, cut), (200, {}, answers(201, 200))]
    with system(*replies) as (url, sent):
        found = client(url, slept).send(LINES)
    assert statuses(found) == [201, 201, 200]
    assert [len(lines) for _, _, lines in sent] == [3, 2]


def test_it_waits_as_it_is_told_and_then_longer_each_time() -> None:
    slept: list[float] = []
    busy: Reply = (503, {"Retry-After": "7"}, b'{"detail": "Other batches are being recorded."}')
    said: list[str] = []
    with system(busy, (502, {}, b""), (502, {}, b"<html>"), (200, {}, answers(201, 201, 201))) as (url, _):
        assert statuses(client(url, slept, on_wait=said.append).send(LINES)) == [201, 201, 201]
    assert slept == [7, 2, 4]
    assert said == [f"{url}/certification/v1/batches does not answer: Other batches are being recorded."]


def test_it_gives_up_with_a_sentence_and_says_that_nothing_is_lost() -> None:
    slept: list[float] = []
    with pytest.raises(Unreachable, match=r"does not answer: .*refused.*\. Run the command again"):
        client("http://127.0.0.1:9", slept).send(LINES)
    assert sum(slept) <= 20


@pytest.mark.parametrize("status", [401, 403, 413, 422])
def test_a_refusal_of_the_whole_call_ends_it_at_once(status: int) -> None:
    slept: list[float] = []
    problem = b'{"detail": "No.", "errors": [{"parameter": "history", "expected": "true or false"}]}'
    with (
        system((status, {}, problem)) as (url, _),
        pytest.raises(Unreachable, match=rf"refuses the call \({status}\): history: true or false"),
    ):
        client(url, slept).send(LINES)
    assert slept == []


def test_the_key_goes_nowhere_else() -> None:
    elsewhere: Reply = (302, {"Location": "http://127.0.0.2:9/"}, b"")
    with system(elsewhere) as (url, sent), pytest.raises(Unreachable, match=r"refuses the call \(302\)"):
        client(url, []).send(LINES)
    assert len(sent) == 1


def test_the_key_that_reads_the_log_goes_nowhere_else() -> None:
    elsewhere: Reply = (302, {"Location": "http://127.0.0.2:9/"}, b"")
    slept: list[float] = []
    with system(elsewhere) as (url, sent), pytest.raises(ClickException, match="refuses to show the log: 302"):
        list(LogReader(url, "a-key", slept.append).facts((), None))
    assert (len(sent), slept) == (1, [])


def test_what_is_no_batch_answer_at_all_is_no_reason_to_crash() -> None:
    slept: list[float] = []
    html: Reply = (200, {}, b"<html>a proxy says hello</html>")
    with system(html, html, html, html, html) as (url, _), pytest.raises(Unreachable, match="does not answer"):
        client(url, slept).send(LINES)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "127.0.0.1:8000", "http://[::1", "file://localhost/etc/passwd"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(Unreachable, match="is not the address of a system"):
        client(url, [])
