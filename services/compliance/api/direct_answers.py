"""Answers lists, how a partner stands, why, and what it may do, without the framework's routing and dependencies.

Routing and dependencies take longer than the rest of a live answer. The framework answers every other call, each call
with an escape in its path or with an id that is not acceptable, and each call for a list as a table.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.compliance.api import consultant_lists, explanations, lists, partners
from services.compliance.api.problems import PROBLEMS
from services.compliance.api.query_params import ID_PATTERN
from services.compliance.database import DATABASE_AWAY
from services.web.lists_as_csv import VARIES, declared_list, prefers_table
from services.web.problem_details import answer_to, failed, no_database
from services.web.refusal import Refusal

_Endpoint = Callable[..., Awaitable[Response]]

_LISTS: Final[Mapping[str, _Endpoint]] = {
    "/compliance/v1/partners": lists.partners,
    "/compliance/v1/suspensions": lists.suspensions,
    "/compliance/v1/windows": lists.windows,
    "/compliance/v1/consultants": consultant_lists.consultants,
    "/compliance/v1/maintenance": consultant_lists.maintenance,
}
_ABOUT_PARTNER: Final = re.compile(rf"/compliance/v1/partners/({ID_PATTERN})(?:/([a-z]+)(?:/([^/]+))?)?")
_QUESTIONS: Final[Mapping[tuple[str | None, bool], _Endpoint]] = {
    (None, False): partners.every_product,
    ("compliance", True): partners.compliance,
    ("authorisations", True): partners.authorisation,
    ("consultants", False): consultant_lists.consultants_of_partner,
}
"""By what is asked about a partner, and whether a product is named."""
_EXPLANATION: Final = re.compile(rf"/audit/v1/explanations/partners/({ID_PATTERN})/([^/]+)")


class ComplianceApp(FastAPI):
    """The application. It answers lists and questions about one partner without the framework."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a call."""
        endpoint, parts = _asked(scope)
        is_list = declared_list(endpoint) is not None
        if endpoint is None or (is_list and prefers_table(scope)):
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request, *parts)
        except Refusal as refusal:
            response = answer_to(refusal, PROBLEMS)
        except DATABASE_AWAY as error:
            response = await no_database(request, error)
        except Exception as error:
            response = await failed(request, error)
        if is_list:
            response.raw_headers.append(VARIES)
        await response(scope, receive, send)


def _asked(scope: Scope) -> tuple[_Endpoint | None, tuple[str, ...]]:
    """What answers the call, and the parts of its path; None: the framework does."""
    if scope["type"] != "http" or scope["method"] != "GET" or b"%" in (scope.get("raw_path") or b""):
        return None, ()
    path = scope["path"]
    if explanation := _EXPLANATION.fullmatch(path):
        return explanations.explain_partner, explanation.groups()
    question = None if path in _LISTS else _ABOUT_PARTNER.fullmatch(path)
    if question is None:
        return _LISTS.get(path), ()
    partner_id, about, product = question.groups()
    parts = (partner_id,) if product is None else (partner_id, product)
    return _QUESTIONS.get((about, product is not None)), parts
