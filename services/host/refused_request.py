"""Raised if a request is refused before an application sees it."""

from collections.abc import Mapping

from services.web.problem_details import Problem


class RefusedRequest(Exception):
    """The request is answered with the problem and these headers."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.title)
        self.problem = problem
        self.headers = headers or {}
