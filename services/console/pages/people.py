"""People: who is certified and what the others lack; a person with its links, exams and access to the portal."""

from collections.abc import Iterable
from typing import Any, Final

from starlette.responses import Response

from services.console.names import names_in
from services.console.page import Page, page
from services.console.service_questions import path

ROWS: Final = 50
FACTS_MAX: Final = 200
EXAMS_MAX: Final = 25
"""So many exams of a person are shown, the latest first."""

CONSULTANTS: Final = "/compliance/v1/consultants"
RECORDED: Final = "/certification/v1/recorded-facts"
REGISTRATIONS: Final = "/certification/v1/exam-registrations"

Fact = dict[str, Any]


async def people(shown: Page) -> Response:
    """A page of people by product. The filters are in the address."""
    filters = {name: shown.query.get(name) for name in ("q", "product", "certified", "partner_id")}
    asked: dict[str, Any] = {**shown.view.params, **filters}
    found = await shown.ask.together(
        rows=shown.ask.panel(CONSULTANTS, limit=ROWS, after=shown.query.get("after"), **asked),
        products=shown.console.products.of(shown.ask),
    )
    return shown.render(
        "people.html",
        status=shown.status_of(found["rows"]),
        found=found["rows"],
        asked=asked,
        listed=CONSULTANTS,
        products=found["products"],
        narrowed=any(filters.values()),
    )


async def person(shown: Page) -> Response:
    """What is certified and why, or why not; access to the portal; exams with corrections; links; every fact."""
    person_id, moment = shown.path["person_id"], shown.view.params
    about = path("/compliance/v1/consultants/{}/certifications", person_id)
    first = await shown.ask.together(
        certified=shown.ask.get(about, **moment),
        facts=shown.ask.get(RECORDED, consultant_id=person_id, limit=FACTS_MAX),
    )
    certified = first["certified"]
    facts = [fact for fact in first["facts"]["facts"] if fact["position"] <= certified["position"]]
    then = {} if shown.view.live else {"at": certified["at"], "known_at": certified["known_at"]}
    asked = {"consultant_id": person_id, **then}
    more = await shown.ask.together(
        exams=shown.ask.panel(REGISTRATIONS, limit=EXAMS_MAX, **asked), names=names_in(shown.ask, facts)
    )
    return shown.render(
        "person.html",
        person_id=person_id,
        certified=certified,
        about=about,
        exams=more["exams"],
        exams_listed=REGISTRATIONS,
        exams_asked=asked,
        facts=facts,
        more=first["facts"]["next"] is not None,
        links=[fact for fact in facts if _kind(fact) in ("consultant-linked", "consultant-left")],
        corrections=_by_registration(fact for fact in facts if _kind(fact) == "score-corrected"),
        names=more["names"],
    )


def _kind(fact: Fact) -> str:
    kind: str = fact["type"].split(".")[-2]
    return kind


def _by_registration(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact["data"]["registration_id"], []).append(fact)
    return found


ROUTES: Final = (page("/people", people), page("/people/{person_id}", person))
