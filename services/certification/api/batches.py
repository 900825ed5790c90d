"""Many facts in one call, a line for each: what single calls would record, and what they would be answered."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from msgspec.structs import replace

from services.certification.api.command_request import (
    CommandRequest,
    Recorded,
    Service,
    TheService,
    recorded_answer,
    refusals,
)
from services.certification.api.fact_routes import MISSING, FactRoutes, decode_body
from services.certification.api.problems import PROBLEMS
from services.certification.api.programme_refusals import name_eligible
from services.certification.domain.refusals import Overloaded, Unavailable
from services.certification.event_store.append_request import Row
from services.certification.personal_data import NO_TEXT, FreeText
from services.certification.record_batch import RUN_MAX, BatchCheck, BatchRecorder, Item, Result
from services.certification.record_fact import Answer
from services.web.bounded_places import PlacedStream
from services.web.json_limits import shape_problem
from services.web.long_work import LongWork
from services.web.problem_details import Problem, malformed, problem_body, problem_of, refusal_of, unexplained
from services.web.refusal import EngineNotInstalled, Malformed, Refusal, TooLarge
from services.web.scopes import Caller, caller_of, insufficient_scope, required_scope, requires
from services.web.scopes import Scope as KeyScope
from shared.events.facts import Reported

MEDIA_TYPE: Final = "application/x-ndjson"
LINES_MAX: Final = 10_000
LINE_BYTES_MAX: Final = 128 << 10
BATCH_BYTES_MAX: Final = 16 << 20

router = APIRouter(prefix="/certification/v1/batches", tags=["Batches"])


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line: a POST of the path with this body, under this key."""

    path: str
    idempotency_key: str | None = None
    correlation_id: str | None = None
    body: msgspec.Raw = msgspec.Raw(b"")


class ShownFact(msgspec.Struct, frozen=True):
    """A fact that a line would append if it were recorded now. `causation_id`: of a decision, what it follows from."""

    fact_id: str
    type: str
    effective_at: str
    causation_id: str | None
    data: msgspec.Raw


class _Said(msgspec.Struct, frozen=True):
    """What a `ShownFact` takes of the bytes of a fact."""

    fact_id: str
    effective_at: str
    data: msgspec.Raw
    causation_id: str | None = None


class LineAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one line. `line`: from 1. `replayed`: an earlier call recorded the fact (R34).

    `facts`: what the line would append, if requested.
    """

    line: int
    status: int
    body: msgspec.Raw
    replayed: bool = False
    facts: tuple[ShownFact, ...] | None = None


_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One line for each line, in order: `line`, `status`, `body`, `replayed` where it is true, and "
        "`facts` where they are shown",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    **refusals(413),
}
_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": f"At most {LINES_MAX:,} lines; each is a JSON object with `path`, `idempotency_key` and `body`, "
        "perhaps `correlation_id`, as the single call has them.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@router.post("", response_class=StreamingResponse, responses=_ANSWERS, openapi_extra=_BODY)
@requires(KeyScope.FACTS)
async def record_batch(
    request: Request,
    service: TheService,
    validate_only: Annotated[
        Literal["true", "false"], Query(description="true: nothing is recorded, and the answers have no position.")
    ] = "false",
    show_facts: Annotated[
        Literal["true", "false"],
        Query(description="true, with `validate_only`: each answer has the facts that its line would append."),
    ] = "false",
    history: Annotated[
        Literal["true", "false"],
        Query(description="true: the facts are loaded afterwards, and are marked so; they count like any other."),
    ] = "false",
) -> StreamingResponse:
    """Records a fact for each line, in order; a refused line does not stop the others.

    Each line is answered as the single call would be. The same batch again replays, whether marked or not. Raises
    `TooLarge` before anything is recorded, and `Overloaded` while other batches are recorded.
    """
    if show_facts == "true" and validate_only == "false":
        raise Malformed("show_facts shows what validate_only=true would append: give both.", "show_facts")
    give_back = service.batches.take(caller_of(request).name)
    if give_back is None:
        raise Overloaded("Other batches are being recorded: send this one again later.")
    try:
        lines = _lines(await _content(request))
    except BaseException:
        give_back()
        raise
    batch: BatchCheck | BatchRecorder = BatchRecorder(service.products)
    if validate_only == "true":
        batch = BatchCheck(service.products, show_facts=show_facts == "true")
    reader = _LineReader(request.app.state.fact_routes, caller_of(request), history=history == "true")
    answers = _answers(service, reader, lines, batch, show_facts=show_facts == "true")
    return PlacedStream(answers, give_back, media_type=MEDIA_TYPE)


async def _content(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > BATCH_BYTES_MAX:
            raise TooLarge(f"A batch has at most {BATCH_BYTES_MAX} bytes.")
    return bytes(content)


def _lines(content: bytes) -> list[bytes]:
    """Raises `TooLarge`, and `Malformed` for an empty batch."""
    lines = content.split(b"\n", LINES_MAX + 1)
    if not lines[-1]:
        del lines[-1]
    if len(lines) > LINES_MAX:
        raise TooLarge(f"A batch has at most {LINES_MAX} lines: send the rest in another one.")
    if not lines:
        raise Malformed("A batch has at least one line: a JSON object with path, idempotency_key and body.")
    return lines


async def _answers(
    service: Service,
    reader: "_LineReader",
    lines: Sequence[bytes],
    batch: BatchCheck | BatchRecorder,
    *,
    show_facts: bool,
) -> AsyncIterator[bytes]:
    """The answers to run after run of lines. Once the store is not available, nothing more is tried."""
    away: Refusal | None = None
    reading = asyncio.create_task(reader.read(lines[:RUN_MAX]))
    try:
        for start in range(0, len(lines), RUN_MAX):
            found = await reading
            reading = asyncio.create_task(reader.read(lines[start + RUN_MAX : start + 2 * RUN_MAX]))
            results, away = await _results(service, [item for item in found if isinstance(item, Item)], batch, away)
            following = iter(results)
            answers = b"".join(
                _answer(start + number, next(following) if isinstance(item, Item) else item, show_facts=show_facts)
                for number, item in enumerate(found, 1)
            )
            yield await name_eligible(answers, service.reader)
    finally:
        reading.cancel()


async def _results(
    service: Service, run: Sequence[Item], batch: BatchCheck | BatchRecorder, away: Refusal | None
) -> tuple[Sequence[Result], Refusal | None]:
    """The results of a run, and why the store is away, if it is."""
    if run and away is None:
        try:
            return await batch.take_run(service.store, run), None
        except (Unavailable, Overloaded, EngineNotInstalled) as refusal:
            away = refusal
    return [] if away is None else [away] * len(run), away


class _Report(CommandRequest):
    """Keeps what an endpoint would record. `content`: method, path and body of the single call."""

    def __init__(self, caller: Caller, idempotency_key: str, correlation_id: str, content: bytes) -> None:
        self._caller = caller
        self._key = idempotency_key
        self._correlation_id = correlation_id
        self._content = content
        self.item: Item | None = None

    async def record(self, data: Reported, effective_at: datetime | None, free_text: FreeText = NO_TEXT) -> Recorded:
        """Records nothing yet; the answer is never used."""
        self.item = Item(*self.report(data, effective_at, free_text))
        return _NOT_RECORDED


class _Refused(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


class _LineReader:
    """Turns lines into reports of one caller. `history`: they are marked as loaded afterwards."""

    def __init__(self, routes: FactRoutes, caller: Caller, *, history: bool) -> None:
        self._routes = routes
        self._caller = caller
        self._history = history

    async def read(self, lines: Sequence[bytes]) -> list[Item | Problem]:
        """The report, or the problem, of each line."""
        found: list[Item | Problem] = []
        work = LongWork()
        for line in lines:
            try:
                found.append(await self._item(line))
            except Refusal as refusal:
                found.append(problem_of(refusal, PROBLEMS))
            except _Refused as refused:
                found.append(refused.problem)
            await work.pause()
        return found

    async def _item(self, line: bytes) -> Item:
        """The report that the line makes. Raises `_Refused` and `Refusal`."""
        if len(line) > LINE_BYTES_MAX:
            raise _Refused(malformed(f"A line has at most {LINE_BYTES_MAX} bytes."))
        problem = shape_problem(line)
        if problem is not None:
            raise _Refused(problem)
        try:
            given = _decoder.decode(line)
        except msgspec.DecodeError as error:
            raise _Refused(malformed(f"The line is not such a JSON object as it must be: {error}.")) from None
        path = given.path.split("/")
        route = self._routes.find(path)
        if route is None:
            raise _Refused(unexplained(404, f"No fact is recorded by a POST of {given.path[:200]}."))
        needed = required_scope(route.endpoint)
        if needed is not None and needed not in self._caller.allowed:
            raise _Refused(insufficient_scope(needed, self._caller))
        given_headers = {"idempotency-key": given.idempotency_key, "x-correlation-id": given.correlation_id}
        headers = {name: text for name, text in given_headers.items() if text is not None}
        try:
            members = decode_body(line)  # once more, for names that are given twice
            arguments, key, correlation_id = route.arguments(path, headers, members.get("body", MISSING))
        except RequestValidationError as error:
            raise refusal_of(error, route.fields()) from None
        report = _Report(self._caller, key, correlation_id, f"POST {given.path}\n".encode() + bytes(given.body))
        await route.endpoint(**arguments, call=report)
        assert report.item is not None, "every endpoint of a fact reports one"
        return report.item._replace(report=replace(report.item.report, history=True)) if self._history else report.item


def _answer(number: int, result: Result | Problem, *, show_facts: bool) -> bytes:
    """The answer to a line, with its line break."""
    facts: tuple[ShownFact, ...] | None = () if show_facts else None
    match result:
        case Answer():
            status = 200 if result.replayed else 202 if result.held else 201
            recorded = recorded_answer(result)
            body = recorded.__pydantic_serializer__.to_json(recorded, exclude_none=True)
            replayed = result.replayed
            facts = tuple(map(_shown_fact, result.rows)) if show_facts else None
        case Problem():
            status, body, replayed = result.status, problem_body(result), False
        case _:
            return _answer(number, problem_of(result, PROBLEMS), show_facts=show_facts)
    return _encoder.encode(LineAnswer(number, status, msgspec.Raw(body), replayed, facts)) + b"\n"


def _shown_fact(row: Row) -> ShownFact:
    said = _said_decoder.decode(row.state)
    return ShownFact(said.fact_id, row.topic, said.effective_at, said.causation_id, said.data)


_decoder: Final = msgspec.json.Decoder(_Line)
_encoder: Final = msgspec.json.Encoder()
_said_decoder: Final = msgspec.json.Decoder(_Said)
_NOT_RECORDED: Final = Recorded(
    fact_id="", position=0, recorded_at=datetime.min.replace(tzinfo=UTC), effective_at=datetime.min.replace(tzinfo=UTC)
)
