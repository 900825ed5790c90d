"""A partner's page, on the real system."""

import httpx
import pytest

from services.console.fact_words import event_sentence, fact_sentence
from services.console.pages.standing_proof import parsed_proof
from shared.events.compliance_events import TYPE_OF
from shared.events.facts import TOPIC_OF
from tests.console.html import text
from tests.systems import System

OCTOBER = "2026-10-21T12:00:00Z"
NOW = "2026-11-30T15:00:00Z"


@pytest.fixture
def story(system: System) -> System:
    """Hugo left Cedar in October, which was learned on 22 November, after the window had ended."""
    system.reset("2026-06-07T12:00:00Z")
    system.record("partners", "k1", partner_id="cedar", kind="VAR", programme="PARTNER_SUCCESS")
    for person in ("hugo", "iris"):
        system.record("partners/cedar/consultants", f"l-{person}", consultant_id=person)
        system.record("recognised-certifications", f"c-{person}", consultant_id=person, product="S200P")
    system.set_clock("2026-11-22T12:00:00Z")
    system.record("partners/cedar/departures", "d", consultant_id="hugo", effective_at=OCTOBER)
    system.set_clock(NOW)
    return system


def _page(system: System, address: str) -> httpx.Response:
    answer = system.http.get(address)
    assert answer.status_code == 200, answer.text
    return answer


def test_why_since_when_and_what_mends_it(story: System) -> None:
    page = _page(story, "/partners/cedar")
    said = text(page)
    assert "S200P Suspended since 21 November 2026, 00:00" in said
    assert "1 of 2 (1 missing)" in said
    assert '<svg class="picture"' in page.text
    assert "Replacement window expired, last day 20 November 2026" in said
    assert "What mends it One counted consultant more" in said
    assert int(page.headers["server-timing"].partition('"')[2].strip('"')) <= 6


def test_what_was_known_then_and_which_fact_made_the_difference(story: System) -> None:
    then = "2026-11-21T12:00:00Z"
    said = text(_page(story, f"/partners/cedar?at={then}&known_at={then}"))
    chosen, _, others = said.partition("The same instant, as known now")
    assert "S200P Compliant 2 of 2" in chosen
    assert "S200P Suspended 1 of 2" in others
    assert "hugo left cedar , true from 21 October 2026 , learned 22 November 2026, 12:00" in others


def test_the_sliders_lead_to_an_address_that_reproduces_the_view(story: System) -> None:
    answer = story.http.get("/partners/cedar?true_day=20777&known_day=20787&today=20787")
    assert (answer.status_code, answer.headers["location"]) == (303, "/partners/cedar?at=2026-11-20T23%3A59%3A59Z")


def test_the_events_told(story: System) -> None:
    assert "Selling to new customers was suspended selling-suspended" in text(_page(story, "/partners/cedar/events"))


def test_everything_that_happened_page_by_page(story: System) -> None:
    said = text(_page(story, "/partners/cedar/timeline"))
    assert "cedar enrolled as a VAR in the programme Partner Success" in said
    assert "hugo left cedar" in said
    assert "A replacement window for S200P opened, last day 20 November 2026 Expired" in said


def test_a_partner_never_mentioned_is_a_sentence(system: System) -> None:
    answer = system.http.get("/partners/%3Cb%3E")
    assert answer.status_code in (404, 422)
    assert "<b>" not in answer.text
    assert system.http.get("/partners/nobody").status_code == 404


def test_a_moment_that_is_none_is_a_sentence(story: System) -> None:
    answer = story.http.get("/partners/cedar?known_at=2030-01-01T00:00:00Z")
    assert "known_at is in the future" in text(answer)
    assert (answer.status_code, "S200P Suspended 1 of 2" in text(answer)) == (422, True)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_beyond_every_calendar_is_a_sentence(story: System, at: str) -> None:
    answer = story.http.get("/partners/cedar", params={"at": at})
    assert (answer.status_code, "'at' is not acceptable" in text(answer)) == (422, True)


def test_a_day_of_the_sliders_beyond_every_calendar_is_now_or_refused(story: System) -> None:
    for day in ("9" * 5000, "²", "-1", "x"):
        answer = story.http.get("/partners/cedar", params={"true_day": day, "today": "20787"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/partners/cedar")
    far = story.http.get("/partners/cedar?true_day=999999&today=20787", follow_redirects=True)
    assert far.status_code == 422


def test_every_fact_and_every_event_has_words() -> None:
    assert [topic for topic in TOPIC_OF.values() if "…" not in fact_sentence(topic, {})] == []
    assert [topic for topic in TYPE_OF.values() if event_sentence(topic, {}) == fact_sentence(topic, {})] == []


def test_the_page_to_print_has_the_argument_the_arithmetic_the_facts_and_their_proofs(story: System) -> None:
    page = _page(story, "/partners/cedar/proof/S200P")
    said = text(page)
    assert "Why cedar is suspended for S200P" in said
    assert "the 30th London day after it is 20 November 2026" in said
    assert "Shortfall 1 2 − 1, never below 0" in said
    assert "hugo left cedar True from 2026-10-21 13:00:00 BST (2026-10-21T12:00:00Z)" in said
    assert int(page.headers["server-timing"].partition('"')[2].strip('"')) <= 2


def test_a_proof_has_its_place_its_hashes_and_its_checkpoint() -> None:
    written = "c2sp.org/tlog-proof@v1\nindex 110\nYQ==\nYg==\n\norigin\n112\nroot\n\n— origin signature\n"
    assert parsed_proof(written) == ("110", ("YQ==", "Yg=="), "origin\n112\nroot\n\n— origin signature")
    assert parsed_proof("") is None


def test_a_moment_that_is_none_is_said_once(story: System) -> None:
    assert text(story.http.get("/partners/cedar?at=x")).count("'at' is not acceptable") == 1
