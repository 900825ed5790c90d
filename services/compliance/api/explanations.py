"""Why a partner stands as it does, for auditors."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import query_parameters, response_docs
from services.compliance.api.printed_explanation import CONTENT_SECURITY_POLICY, printed_explanation
from services.compliance.api.query_params import Id, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.explanations import ExplanationAnswer
from services.compliance.historical_answers.questions import PartnerExplanation
from services.web.fact_proofs import FactProofs
from services.web.media_types import HTML, prefers_html
from services.web.scopes import Scope, requires
from services.web.sold_products import Product

PROVED_MAX: Final = 100
"""Facts of an explanation that carry their proof: those first that windows and losses rest on."""

NO_PROOFS: Final = "This service looks up no proofs. Each fact has its proof at its address."
ON_THE_LOOP_BYTES_MAX: Final = 128 << 10
"""JSON that is read and written on the event loop, in a millisecond."""

_T = TypeVar("_T")

router: Final = APIRouter(tags=["audit"])

_RESPONSES: Final = response_docs(ExplanationAnswer)
_RESPONSES[200]["content"][HTML] = {"schema": {"type": "string"}}


@router.get(
    "/audit/v1/explanations/partners/{partner_id}/{product}",
    openapi_extra=query_parameters(PartnerExplanation),
    responses=_RESPONSES,
)
@requires(Scope.AUDIT)
async def explain_partner(request: Request, partner_id: Id, product: Product) -> Response:
    """Why the partner has this status for the product: each rule in words, with the arithmetic of each deadline.

    Who counts, who was lost and why, what is missing, what would mend it, and the facts, each with the text that is
    sealed of it and its proof. `proofs=none` leaves both out: the reason alone takes as long as an as-of answer. A
    caller that prefers `text/html` gets a page to print. `sagecert-verify` checks either offline, with its proofs.
    """
    question = question_of(request, PartnerExplanation, partner_id=partner_id, product=product)
    service = service_of(request)
    response = await service.derive(request, question, partner_id)
    if response.status_code != 200:
        return response
    headers, page = {"Vary": "Accept"}, prefers_html(request.headers)
    if question.proofs == "none" and not page:
        response.headers.update(headers)
        return response
    explained = await _beside(msgspec.json.decode, response.body, response.body)
    if question.proofs == "inline":
        await _prove(explained, service.fact_proofs)
    if not page:
        return Response(await _beside(msgspec.json.encode, explained, response.body), 200, headers, "application/json")
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return Response(await asyncio.to_thread(printed_explanation, explained), 200, headers, f"{HTML}; charset=utf-8")


async def _beside(work: Callable[[Any], _T], given: Any, body: bytes | memoryview) -> _T:
    """The result; made in a thread where the body is long, so that other calls go on."""
    return await asyncio.to_thread(work, given) if len(body) > ON_THE_LOOP_BYTES_MAX else work(given)


async def _prove(explained: dict[str, Any], fact_proofs: FactProofs | None) -> None:
    """Adds their proofs to the most telling facts, and why others have none."""
    if fact_proofs is None:
        explained["unproved"] = [NO_PROOFS]
        return
    told = dict.fromkeys(
        fact_id
        for part in ("windows", "lost", "steps", "counted")
        for item in explained[part]
        for fact_id in item["fact_ids"]
    )
    named = {fact["fact_id"]: fact for fact in explained["facts"]}
    first = [named[fact_id] for fact_id in told if fact_id in named][:PROVED_MAX]
    found = await fact_proofs.of([fact["position"] for fact in first])
    for fact in first:
        if fact["position"] in found.facts:
            fact["entry"], fact["tlog_proof"] = found.facts[fact["position"]]
    more = len(named) - len(first)
    beyond = (
        (f"Beyond the first {PROVED_MAX}: {more} of the facts. Each has its proof at its address.",) if more else ()
    )
    explained["unproved"] = [*found.missing, *beyond]
