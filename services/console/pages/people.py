"""People: who is certified and what the others lack; a person with its links, exams and access to the portal."""

from collections.abc import Iterable
from typing import Any, Final

from starlette.responses import Response

from services.console.names import names_in
from services.console.page import Page, page
from services.console.service_questions import Json, Panel, Refused, path

ROWS: Final = 50
FACTS_MAX: Final = 200
PRODUCTS_MAX: Final = 6
EXAMS_MAX: Final = 5
"""So many products and exams of a person are asked for, the latest exams first."""

CONSULTANTS: Final = "/compliance/v1/consultants"
RECORDED: Final = "/certification/v1/recorded-facts"

Fact = dict[str, Any]


async def people(shown: Page) -> Response:
    """A page of people by product. The filters are in the address."""
    filters = {name: shown.query.get(name) for name in ("q", "product", "certified", "partner_id")}
    asked: dict[str, Any] = {**shown.view.params, **filters}
    found = await shown.ask.together(
        rows=shown.ask.panel(CONSULTANTS, limit=ROWS, after=shown.query.get("after"), **asked),
        policy=shown.ask.panel("/compliance/v1/policy"),
    )
    return shown.render(
        "people.html",
        found=found["rows"],
        asked=asked,
        listed=CONSULTANTS,
        products=(found["policy"].data or {}).get("products", ()),
        narrowed=any(filters.values()),
    )


async def person(shown: Page) -> Response:
    """What is certified and why, or why not; access to the portal; exams with corrections; links; every fact."""
    person_id, moment = shown.path["person_id"], shown.view.params
    first = await shown.ask.together(
        policy=shown.ask.get("/compliance/v1/policy"),
        facts=shown.ask.get(RECORDED, consultant_id=person_id, limit=FACTS_MAX),
        rows=shown.ask.panel(CONSULTANTS, q=person_id, limit=200, **moment),
    )
    answers = await _certifications(shown, person_id, first["policy"]["products"][:PRODUCTS_MAX], moment)
    position = next(iter(answers.values()))["position"]
    facts = [fact for fact in first["facts"]["facts"] if fact["position"] <= position]
    names = await names_in(shown.ask, facts)
    registrations = list(dict.fromkeys(fact["data"]["registration_id"] for fact in facts if _is_exam(fact)))
    exams = await shown.ask.together(
        **{
            f"exam_{number}": shown.ask.panel(
                path("/certification/v1/exam-registrations/{}", exam), **_instants(moment)
            )
            for number, exam in enumerate(registrations[:EXAMS_MAX])
        }
    )
    return shown.render(
        "person.html",
        person_id=person_id,
        names=names,
        name=next((answer["name"] for answer in answers.values()), None),
        answers=answers,
        lacks=_rows_of(first["rows"], person_id),
        exams=dict(zip(registrations, exams.values(), strict=False)),
        exams_omitted=max(0, len(registrations) - EXAMS_MAX),
        facts=facts,
        more=first["facts"]["next"] is not None,
        links=[fact for fact in facts if _kind(fact) in ("consultant-linked", "consultant-left")],
        corrections=_by_registration(fact for fact in facts if _kind(fact) == "score-corrected"),
    )


async def _certifications(shown: Page, person_id: str, products: list[str], moment: dict[str, Any]) -> dict[str, Json]:
    """The answer for each product. Raises `Refused` where nothing is known of the person."""
    asked = path("/compliance/v1/consultants/{}/certifications/", person_id)
    found: dict[str, Json] = await shown.ask.together(
        **{product: shown.ask.get(asked + path("{}", product), **moment) for product in products}
    )
    if not found:
        raise Refused(404, {"title": "Not found", "detail": "No product is sold."})
    return found


def _rows_of(found: Panel, person_id: str) -> dict[str, Json]:
    """Of the people found, the rows of this one, by product."""
    rows = (found.data or {}).get("consultants", ())
    return {row["product"]: row for row in rows if row["consultant_id"] == person_id}


def _instants(moment: dict[str, Any]) -> dict[str, Any]:
    """The moment as certification takes it, which knows no positions."""
    return {name: moment.get(name) for name in ("at", "known_at")}


def _kind(fact: Fact) -> str:
    kind: str = fact["type"].split(".")[-2]
    return kind


def _is_exam(fact: Fact) -> bool:
    return _kind(fact) in ("exam-registered", "attempt-scored", "score-corrected")


def _by_registration(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact["data"]["registration_id"], []).append(fact)
    return found


ROUTES: Final = (page("/people", people), page("/people/{person_id}", person))
