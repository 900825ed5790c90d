"""Answers how a partner stands, and what it may do, without the framework's routing and dependencies.

Routing and dependencies take longer than the rest of a live answer. The framework answers every other call, and each
call with an escape in its path or with an id that is not acceptable.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.compliance.api.partners import authorisation, compliance, every_product
from services.compliance.api.problems import PROBLEMS
from services.compliance.api.query_params import ID_PATTERN
from services.compliance.database import DATABASE_AWAY
from services.web.problem_details import answer_to, failed, no_database
from services.web.refusal import Refusal

_PATH: Final = re.compile(rf"/compliance/v1/partners/({ID_PATTERN})(?:/(compliance|authorisations)/([^/]+))?")
_ABOUT_PRODUCT: Final[dict[str, Callable[[Request, str, str], Awaitable[Response]]]] = {
    "compliance": compliance,
    "authorisations": authorisation,
}


class ComplianceApp(FastAPI):
    """The application. It answers questions about one partner without the framework."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a call."""
        question = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if question is None or b"%" in (scope.get("raw_path") or b""):
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        request = Request(scope, receive, send)
        try:
            partner_id, about, product = question.groups()
            if about is None:
                response = await every_product(request, partner_id)
            else:
                response = await _ABOUT_PRODUCT[about](request, partner_id, product)
        except Refusal as refusal:
            response = answer_to(refusal, PROBLEMS)
        except DATABASE_AWAY as error:
            response = await no_database(request, error)
        except Exception as error:
            response = await failed(request, error)
        await response(scope, receive, send)
