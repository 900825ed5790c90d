"""Partners and people are typed by name or id; who is meant is clear before anything is recorded."""

from typing import Any

import pytest

from services.console.service_client import Services as Client
from services.console.service_questions import Questions, Refused
from services.console.who_is_meant import meant_by
from tests.console.conftest import Visit
from tests.console.html import text
from tests.console.services import Services
from tests.console.test_record import services, typed

PEOPLE: list[dict[str, Any]] = [
    {"consultant_id": "ben", "name": "Ben Carter"},
    {"consultant_id": "ben", "name": "Ben Carter"},
    {"consultant_id": "ben2", "name": "Ben Cartwright"},
    {"consultant_id": "C7", "name": None},
]
PARTNERS = [{"partner_id": "cedar", "name": "Cedar Ltd"}]


def ask(people: list[dict[str, Any]]) -> Questions:
    app = Services({"/compliance/v1/consultants": {"consultants": people}})
    return Questions(Client(app, None, seconds_max=5, questions_max=5), None)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("ben", "ben"),
        ("Ben Carter", "ben"),
        ("BEN CARTER", "ben"),
        ("C7", "C7"),
        ("c7", "C7"),
        ("newcomer", "newcomer"),
    ],
)
async def test_who_is_meant(said: str, meant: str) -> None:
    found = await meant_by(ask(PEOPLE), {"consultant_id": [said], "reason": ["Ben Carter"]})
    assert found.values == {"consultant_id": [meant], "reason": ["Ben Carter"]}
    assert found.unknown == ({"consultant_id"} if said == "newcomer" else set())


async def test_a_part_of_a_name_is_enough_where_only_one_has_it() -> None:
    assert (await meant_by(ask(PEOPLE[:2]), {"consultant_id": ["n Cart"]})).values == {"consultant_id": ["ben"]}


@pytest.mark.parametrize(
    ("people", "said"), [(PEOPLE, "Ben Carter (ben), Ben Cartwright (ben2), C7."), ([], "No person has this")]
)
async def test_a_name_of_several_or_of_nobody_is_asked_about(people: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(Refused) as refused:
        await meant_by(ask(people), {"consultant_id": ["Ben C"]})
    assert said in (refused.value.about("consultant_id") or "")


async def test_the_preview_names_who_is_meant_and_says_who_is_new(visit: Visit) -> None:
    lists = {"/compliance/v1/partners": {"partners": PARTNERS}, "/compliance/v1/consultants": {"consultants": []}}
    served = services(**lists)
    preview = await typed(visit(served), "departure", "preview", partner_id="Cedar Ltd", consultant_id="newcomer")
    assert "Partner Cedar Ltd cedar Person newcomer not known so far: is the id right?" in text(preview)
    assert 'name="partner_id" value="cedar"' in preview.text


async def test_who_is_typed_is_suggested(visit: Visit) -> None:
    browser = visit(services(**{"/compliance/v1/partners": {"partners": PARTNERS}}))
    assert (
        '<option value="cedar">Cedar Ltd</option>' in (await browser.get("/record/suggestions/partners?into=ce")).text
    )
    assert "<option" not in (await browser.get("/record/suggestions/partners?into=c")).text
    assert (await browser.get("/record/suggestions/products?q=ce")).status_code == 404
