"""The whole history under another policy, asked by auditors; nothing is changed."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from starlette.responses import Response

from services.compliance.api.openapi import query_parameters, response_docs
from services.compliance.api.query_params import Id, Instant, WhatIfPageQuestion, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.queries import AsOfMembers
from services.compliance.policy.what_if import FROM_EVER, HypotheticalRevision, WhatIfDifference
from services.compliance.what_ifs.messages import WhatIf
from services.compliance.what_ifs.runs import Run, State
from services.web.input_parsing import Body, reject_duplicate_keys
from services.web.list_tables import list_of
from services.web.scopes import Scope, caller_of, requires
from shared.events.facts import Minimum

PATH: Final = "/audit/v1/what-ifs"
router: Final = APIRouter(tags=["audit"], dependencies=[Depends(reject_duplicate_keys)])

_MALFORMED: Final = {422: "Malformed or not acceptable; `parameter` names what is meant."}
_MISSING: Final = {404: "There is no such what-if here.", **_MALFORMED}
_TOO_MANY: Final = {503: "As many what-ifs wait as may: see `Retry-After`.", **_MALFORMED}
_Headcount = Annotated[int, Field(ge=1, le=99)]
_Code = Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]{0,63}$", json_schema_extra={"not": {"const": "NONE"}})]


def _distinct(codes: list[str]) -> list[str]:
    if len(set(codes)) < len(codes) or "NONE" in codes:
        raise ValueError("each programme is named once, and NONE is none")
    return codes


def _gives_one_of(*terms: str) -> ConfigDict:
    """The schema says that one of the terms at least is given, and not null."""
    given: list[Any] = [{"required": [term], "properties": {term: {"not": {"type": "null"}}}} for term in terms]
    return ConfigDict(json_schema_extra={"anyOf": given})


class MinimumBody(Body):
    """Counted consultants that a partner of each kind must keep (R10): of one kind or of both."""

    model_config = _gives_one_of("VAR", "DEVELOPER")

    VAR: _Headcount | None = None
    DEVELOPER: _Headcount | None = None

    @model_validator(mode="after")
    def _names_a_kind(self) -> "MinimumBody":
        if self.VAR is None and self.DEVELOPER is None:
            raise ValueError("a minimum names a kind: VAR, DEVELOPER or both")
        return self


class WhatIfBody(Body):
    """The terms of the other policy (R39); a term left out stays as it is, and one is needed.

    `from`: since when they hold; without it since ever. `at`: the instant at which standings are compared, with
    their past; without it now. `known_at`: judged from the facts recorded by then.
    """

    model_config = _gives_one_of("window_days", "minimum", "programmes")

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
    """The what-ifs that are known, oldest first, without their differences."""

    what_ifs: tuple[WhatIfAnswer, ...]


@router.post(PATH, status_code=202, responses=response_docs(WhatIfAnswer, status=202, problems=_TOO_MANY))
@requires(Scope.AUDIT)
async def ask_what_if(request: Request, body: WhatIfBody) -> Response:
    """Replays every partner under another policy, in the background, and changes nothing. One runs at a time.

    It reports every partner and product whose standing at `at` would be another one, past windows and suspensions
    included.
    """
    least = None if body.minimum is None else Minimum(body.minimum.VAR, body.minimum.DEVELOPER)
    programmes = None if body.programmes is None else tuple(body.programmes)
    revision = HypotheticalRevision(body.window_days, least, programmes, body.since or FROM_EVER)
    what_if = WhatIf(revision, AsOfMembers(body.at, body.known_at))
    run = service_of(request).what_ifs.start(what_if, caller_of(request).name)
    return _answer(run, 202, {"Location": f"{PATH}/{run.what_if_id}"})


@router.get(PATH, responses=response_docs(WhatIfsAnswer, problems=_MALFORMED))
@requires(Scope.AUDIT)
@list_of("what_ifs", WhatIfAnswer, pages=False)
async def list_what_ifs(request: Request) -> Response:
    """The what-ifs of this process: those that wait, the one that runs, and the last results."""
    runs = service_of(request).what_ifs.all()
    body = b'{"what_ifs":[%b]}' % b",".join(_encoded(run, (), None) for run in runs)
    return Response(body, media_type="application/json")


@router.get(
    f"{PATH}/{{what_if_id}}",
    openapi_extra=query_parameters(WhatIfPageQuestion),
    responses=response_docs(WhatIfAnswer, problems=_MISSING),
)
@requires(Scope.AUDIT)
@list_of("differences", WhatIfDifference, suffix="/differences.csv")
async def show_what_if(request: Request, what_if_id: Id) -> Response:
    """How far it has come, and a page of the differences, by partner and product."""
    question = question_of(request, WhatIfPageQuestion)
    run = service_of(request).what_ifs.find(what_if_id)
    return _answer(run, 200, {}, question.after, question.limit)


@router.delete(f"{PATH}/{{what_if_id}}", status_code=204, responses=response_docs(None, status=204, problems=_MISSING))
@requires(Scope.AUDIT)
async def cancel_what_if(request: Request, what_if_id: Id) -> Response:
    """Ends it, wherever it is, and forgets its result."""
    service_of(request).what_ifs.cancel(what_if_id)
    return Response(status_code=204)


def _answer(run: Run, status: int, headers: dict[str, str], after: int = 0, limit: int = 0) -> Response:
    page = run.differences[after : after + limit]
    following = after + len(page) if page and after + len(page) < len(run.differences) else None
    return Response(_encoded(run, page, following), status, headers, "application/json")


def _encoded(run: Run, page: "list[bytes] | tuple[bytes, ...]", following: int | None) -> bytes:
    begun = run.begun
    answer = WhatIfAnswer(
        what_if_id=run.what_if_id,
        state=run.state,
        requested_by=run.requested_by,
        revision=run.what_if.revision,
        at=run.at,
        known_at=None if begun is None else begun.known_at,
        position=None if begun is None else begun.position,
        partners=None if begun is None else begun.partners,
        partners_done=run.partners_done,
        differing=run.differing,
        failure=run.failure,
        differences=tuple(map(msgspec.Raw, page)),  # type: ignore[arg-type]  # they are encoded already
        next=following,
    )
    return msgspec.json.encode(answer)
