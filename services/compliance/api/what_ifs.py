"""The whole history under another policy, asked by auditors; nothing is changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, Field, model_validator
from starlette.responses import Response

from services.compliance.api.openapi import question_docs, response_docs
from services.compliance.api.query_params import Id, Instant, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.questions import AFTER, LIMIT, AsOfMembers, QueryParameter, Question
from services.compliance.policy.hypothetical_policy import FROM_EVER, HypotheticalRevision, WhatIfDifference
from services.compliance.what_ifs import kept
from services.compliance.what_ifs.kept import KeptWhatIf, State
from services.compliance.what_ifs.messages import WhatIf
from services.web.feed_events import LIMIT_DEFAULT
from services.web.input_parsing import Body, gives_one_of, reject_duplicate_keys
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, caller_of, requires
from shared.events.facts import Minimum

PATH: Final = "/audit/v1/what-ifs"
TIMEOUT_SECONDS_MAX: Final = 60
router: Final = APIRouter(tags=["audit"], dependencies=[Depends(reject_duplicate_keys)])

_MALFORMED: Final = {422: "Malformed or not acceptable; `parameter` names what is meant."}
_MISSING: Final = {404: "There is no such what-if.", **_MALFORMED}
_TOO_MANY: Final = {503: "Too many what-ifs wait: see `Retry-After`.", **_MALFORMED}
_Headcount = Annotated[int, Field(ge=1, le=99)]
_Code = Annotated[
    str,
    Field(pattern="^[A-Z][A-Z0-9_]{0,63}$", json_schema_extra={"not": {"const": "NONE"}}, examples=["PARTNER_SUCCESS"]),
]


def _distinct(codes: list[str]) -> list[str]:
    if len(set(codes)) < len(codes) or "NONE" in codes:
        raise ValueError("name each programme once; NONE is not a programme")
    return codes


class MinimumBody(Body):
    """Counted consultants that a partner of each kind must keep (R10): of one kind or of both."""

    model_config = gives_one_of("VAR", "DEVELOPER")

    VAR: _Headcount | None = None
    DEVELOPER: _Headcount | None = None

    @model_validator(mode="after")
    def _names_a_kind(self) -> "MinimumBody":
        if self.VAR is None and self.DEVELOPER is None:
            raise ValueError("a minimum names a kind: VAR, DEVELOPER or both")
        return self


class WhatIfBody(Body):
    """The terms of the other policy (R39); a term left out stays as it is, and one is needed.

    `from`: when they begin to hold; by default always. `at`: the instant at which standings are compared, with
    their past; by default now. `known_at`: only facts recorded by then count.
    """

    model_config = gives_one_of("window_days", "minimum", "programmes")

    window_days: Annotated[int, Field(ge=1, le=366)] | None = None
    minimum: MinimumBody | None = None
    programmes: (
        Annotated[
            list[_Code],
            Field(min_length=1, max_length=20, json_schema_extra={"uniqueItems": True}),
            AfterValidator(_distinct),
        ]
        | None
    ) = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    at: Instant | None = None
    known_at: Instant | None = None

    @model_validator(mode="after")
    def _another_policy(self) -> "WhatIfBody":
        if self.window_days is None and self.programmes is None and self.minimum is None:
            raise ValueError("a what-if gives window_days, minimum or programmes")
        return self


class WhatIfPageQuestion(Question, frozen=True, kw_only=True):
    """Which part of the differences."""

    after: Annotated[int, AFTER] = 0
    limit: Annotated[int, LIMIT] = LIMIT_DEFAULT
    timeout: Annotated[
        float, QueryParameter("Wait up to so many seconds until it has ended.", "number", 0, TIMEOUT_SECONDS_MAX)
    ] = 0


class WhatIfAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How far a what-if has come, and a page of the partners and products whose standing differs.

    `differing`: how many were found so far; the result holds the first 20,000 of them. `partners`: about how many there
    are, of which `partners_done` are replayed. `next`: the `after` of the next page; null: there is none so far.
    """

    what_if_id: str
    state: State
    requested_by: str
    revision: HypotheticalRevision
    at: datetime | None
    known_at: datetime | None
    position: int | None
    partners: int | None
    partners_done: int
    differing: int
    failure: str | None
    differences: tuple[WhatIfDifference, ...]
    next: int | None


class WhatIfsAnswer(msgspec.Struct, frozen=True):
    """The what-ifs of this process, oldest first, without their differences."""

    what_ifs: tuple[WhatIfAnswer, ...]


@router.post(PATH, status_code=202, responses=response_docs(WhatIfAnswer, status=202, problems=_TOO_MANY))
@requires(Scope.AUDIT)
async def ask_what_if(request: Request, body: WhatIfBody) -> Response:
    """Replays every partner under another policy, in the background, and changes nothing. One runs at a time.

    It reports every partner and product whose standing at `at` would be another, past windows and suspensions
    included. The result stays at its address for thirty days, also over restarts, until eight later ones have ended.
    """
    least = None if body.minimum is None else Minimum(body.minimum.VAR, body.minimum.DEVELOPER)
    programmes = None if body.programmes is None else tuple(body.programmes)
    revision = HypotheticalRevision(body.window_days, least, programmes, body.since or FROM_EVER)
    what_if = WhatIf(revision, AsOfMembers(body.at, body.known_at))
    asked = await service_of(request).what_ifs.ask(what_if, caller_of(request).name)
    return Response(_encoded(asked), 202, {"Location": f"{PATH}/{asked.what_if_id}"}, "application/json")


@router.get(PATH, responses=response_docs(WhatIfsAnswer, problems=_MALFORMED))
@requires(Scope.AUDIT)
@list_of("what_ifs", WhatIfAnswer, pages=False)
async def list_what_ifs(request: Request) -> Response:
    """Those that wait, the one that runs, and the last results."""
    async with service_of(request).connection() as connection:
        every = await kept.every(connection)
    body = b'{"what_ifs":[%b]}' % b",".join(map(_encoded, every))
    return Response(body, media_type="application/json")


@router.get(f"{PATH}/{{what_if_id}}", **question_docs(WhatIfPageQuestion, WhatIfAnswer, problems=_MISSING))
@requires(Scope.AUDIT)
@list_of("differences", WhatIfDifference, suffix="/differences.csv")
async def show_what_if(request: Request, what_if_id: Id) -> Response:
    """The progress of a what-if, and a page of its differences, by partner and product.

    With a `timeout` it waits until the what-if has ended.
    """
    question = question_of(request, WhatIfPageQuestion)
    service = service_of(request)

    async def find() -> KeptWhatIf:
        async with service.connection() as connection:
            return await kept.find(connection, what_if_id)

    found = await service.what_ifs.until_ended(find, question.timeout)
    async with service.connection() as connection:
        page = await kept.differences(connection, found, question.after, question.limit)
    through = question.after + len(page)
    more = bool(page) and through < min(found.differing, kept.DIFFERENCES_MAX)
    return Response(_encoded(found, page, through if more else None), media_type="application/json")


@router.delete(f"{PATH}/{{what_if_id}}", status_code=204, responses=response_docs(None, status=204, problems=_MISSING))
@requires(Scope.AUDIT)
async def cancel_what_if(request: Request, what_if_id: Id) -> Response:
    """Cancels the what-if and deletes its result."""
    await service_of(request).what_ifs.forget(what_if_id)
    return Response(status_code=204)


def _encoded(found: KeptWhatIf, page: Sequence[bytes] = (), following: int | None = None) -> bytes:
    said = found._asdict()
    answer = WhatIfAnswer(
        **{name: said[name] for name in WhatIfAnswer.__struct_fields__ if name in said},
        revision=found.what_if.revision,
        differences=tuple(map(msgspec.Raw, page)),  # type: ignore[arg-type]  # they are encoded already
        next=following,
    )
    return msgspec.json.encode(answer)
