"""The shape of every answer in the API's own description, taken from the types that are answered with."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

import msgspec
from fastapi import FastAPI

from services.compliance.api.query_params import form_of
from services.compliance.historical_answers.questions import Question
from services.web.openapi import extend

_TEMPLATE: Final = "#/components/schemas/{name}"
_answers: Final[set[Any]] = set()


QUESTION_PROBLEMS: Final[Mapping[int, str]] = {
    404: "The id was never mentioned in a fact known by then.",
    422: "This cannot be asked; `parameter` names what is meant.",
    503: "Not applied yet, or the database is away: see `Retry-After`.",
}
"""Status to what it says, of a question about one id."""

LIST_PROBLEMS: Final = {status: QUESTION_PROBLEMS[status] for status in (422, 503)}
"""The same of a question across all."""


def response_docs(
    answer: Any,
    media_type: str = "application/json",
    *,
    status: int = 200,
    problems: Mapping[int, str] = QUESTION_PROBLEMS,
) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an endpoint that answers with this type (None: with nothing), or with a problem."""
    responses: dict[int | str, dict[str, Any]] = {status: {"description": "The answer."}}
    if answer is not None:
        _answers.add(answer)
        responses[status]["content"] = {media_type: {"schema": _reference(answer)}}
    return responses | {status: {"description": what} for status, what in problems.items()}


class QuestionDocs(TypedDict):
    """How an endpoint that answers a question is declared."""

    openapi_extra: dict[str, Any]
    responses: dict[int | str, dict[str, Any]]


def question_docs(
    question: type[Question], answer: Any, *, problems: Mapping[int, str] = QUESTION_PROBLEMS
) -> QuestionDocs:
    """Of an endpoint that takes this question in its query, and answers with this type or with a problem."""
    return QuestionDocs(openapi_extra=query_parameters(question), responses=response_docs(answer, problems=problems))


def query_parameters(question: type[Question]) -> dict[str, Any]:
    """The `openapi_extra` of an endpoint that takes this question."""
    schema = form_of(question).model.model_json_schema()
    required = schema.get("required", ())
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "description": described["description"],
                "schema": _in_a_query(described),
            }
            for name, described in schema["properties"].items()
        ]
    }


def _in_a_query(described: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a parameter: left out is not null, which a query cannot say."""
    values = [value for value in described.get("anyOf", ()) if value.get("type") != "null"]
    only = values[0] if len(values) == 1 else {}
    schema = {**only, **described}
    unsaid = ("anyOf", "title", "description") if only else ("title", "description")
    return {key: value for key, value in schema.items() if key not in unsaid and (key, value) != ("default", None)}


def describe(app: FastAPI) -> None:
    """Adds the types to the application's OpenAPI document."""

    def described(document: dict[str, Any]) -> None:
        _, schemas = msgspec.json.schema_components(sorted(_answers, key=str), ref_template=_TEMPLATE)
        document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)

    extend(app, described)


def _reference(answer: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components((answer,), ref_template=_TEMPLATE)
    return schema
