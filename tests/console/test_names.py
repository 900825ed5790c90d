"""Names of a page: one question, nobody confused, and no page fails for want of them."""

from typing import Any

from services.console.names import names_in
from services.console.service_client import Services as Client
from services.console.service_questions import Questions
from tests.console.services import Answer, Services, problem

ROWS: list[dict[str, Any]] = [
    {"subject": "cedar", "data": {"partner_id": "cedar", "consultant_id": "ben"}},
    {"partner_id": "both", "consultant_id": "both", "data": None},
    {"data": {"partner_id": "cedar", "into": "oak"}},
]


def ask(answer: Answer) -> tuple[Questions, Services]:
    app = Services({"/compliance/v1/names": answer})
    return Questions(Client(app, None, seconds_max=5, questions_max=5), None), app


async def test_all_ids_of_a_page_are_one_question() -> None:
    found = {
        "partners": {"cedar": "Cedar Ltd", "both": "Both Ltd"},
        "consultants": {"ben": "Ben Okafor", "both": "Bo Both"},
    }
    questions, app = ask(found)
    assert await names_in(questions, ROWS) == {"cedar": "Cedar Ltd", "ben": "Ben Okafor"}, "who shares an id has none"
    assert len(app.asked) == 1


async def test_without_ids_nothing_is_asked() -> None:
    questions, app = ask({"partners": {}, "consultants": {}})
    assert await names_in(questions, [{"data": {"product": "S200P"}}]) == {}
    assert app.asked == []


async def test_no_page_fails_for_want_of_names() -> None:
    questions, _ = ask(lambda _: problem(503, "Too many questions wait."))
    assert await names_in(questions, ROWS) == {}
