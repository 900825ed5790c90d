"""What people ask the console: each story by keyboard alone, in at most five steps, with JavaScript and without."""

import re
from collections.abc import Iterator
from time import sleep
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.browser import Visit
from tests.browser.keyboard import Keyboard
from tests.browser.receiving import WELL, receiving
from tests.systems import System
from tests.webhooks.receiver import Receiver

LEFT_LATE = re.compile("(?i:hugo.* left cedar).*, true from 21 October 2026, learned 22 November 2026")
POLLS_MAX = 400
REPLAYS_MAX = 8
ENDPOINTS = "/compliance/v1/webhook-endpoints"


def test_why_is_cedar_suspended_and_since_when(visitor: Visit) -> None:
    page = visitor.open("/")
    Keyboard(page).follow("cedar", shows="Every reason")
    answer = page.get_by_label("S200P", exact=True)
    expect(answer.get_by_role("heading")).to_contain_text("Suspended")
    expect(answer).to_contain_text("since 21 November 2026, 00:00")
    expect(answer).to_contain_text("no selling to new customers")
    expect(answer).to_contain_text("One counted consultant more")


def test_who_must_act_this_week(visitor: Visit) -> None:
    page = visitor.open("/")
    window = page.get_by_label("Replacement windows").get_by_role("row").filter(has_text="harbour")
    expect(window).to_contain_text("2 days")
    expect(window).to_contain_text("2 December 2026")
    Keyboard(page).follow("harbour", shows="Every reason")
    expect(page.get_by_label("S200P", exact=True)).to_contain_text("In window")


def test_what_did_we_know_on_20_november_and_what_do_we_know_now(visitor: Visit) -> None:
    page = visitor.open("/")
    keyboard = Keyboard(page)
    keyboard.follow("cedar", shows="Every reason")
    keyboard.unfold("Exact instants")
    keyboard.type("True at", "2026-11-20T12:00:00", inside=".exact")
    keyboard.type("Known at", "2026-11-20T12:00:00", inside=".exact")
    keyboard.press("Show", inside=".exact", shows="What was known then, and what is known now")
    sides = page.get_by_label("The answers side by side")
    expect(sides).to_contain_text("Compliant")
    expect(sides).to_contain_text("In window")
    expect(sides).to_contain_text(LEFT_LATE)


def test_print_the_proof(visitor: Visit) -> None:
    page = visitor.open("/")
    keyboard = Keyboard(page)
    keyboard.follow("cedar", shows="Every reason")
    keyboard.follow("The whole argument, with proofs, to print", shows="The facts and their proofs")
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="Console")).to_be_hidden()
    proofs = page.get_by_label("The facts and their proofs")
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("Why (?i:cedar).* is suspended for S200P"))
    expect(page.get_by_label("The arithmetic")).to_contain_text("+ 30")
    expect(proofs).to_contain_text(re.compile("(?i:hugo.* left cedar)"))
    expect(proofs).to_contain_text(re.compile(r"index \d+"))


def test_move_to_45_days_whom_would_it_change(visitor: Visit, story: System) -> None:
    page = visitor.open("/")
    before = recorded(story)
    keyboard = Keyboard(page)
    keyboard.follow("Policy", shows="Days of a window")
    keyboard.follow("Revise the policy", shows="See what it changes")
    keyboard.type("Policy", "2027-01")
    keyboard.type("Days of a window", "45")
    keyboard.type("Reason", "partners asked for more time")
    keyboard.press("See what it changes", shows="If this had always been in force")
    changed = page.locator("#what-if")
    for _ in range(REPLAYS_MAX):
        if "would have another standing" in changed.inner_text():
            break
        page.reload()  # the history is still replayed
    expect(changed).to_contain_text("3 partners would have another standing today")
    row = changed.get_by_role("row").filter(has_text=re.compile("cedar", re.IGNORECASE))
    expect(row).to_contain_text("Suspended")
    expect(row).to_contain_text("In window")
    assert recorded(story) == before


def test_ben_left_on_friday_record_it_see_what_it_does_first_take_it_back(visitor: Visit, story: System) -> None:
    page = visitor.open("/")
    keyboard = Keyboard(page)
    keyboard.follow("Record a fact", shows="Somebody left")
    keyboard.follow("Somebody left", shows="When it was true")
    keyboard.type("Partner", "northgate")
    keyboard.type("Person", "ben")
    keyboard.type("When it was true", "2026-11-27T17:00")
    before = recorded(story)
    keyboard.press("See what it changes", shows="Nothing is recorded yet.")
    expect(page.locator("main")).to_contain_text("northgate")
    expect(page.locator("main")).to_contain_text("In window")
    assert recorded(story) == before
    keyboard.press("Record it", shows="If you take it back")
    keyboard.type("Reason", "it was another Ben")
    keyboard.press("Take it back", shows="was taken back")
    known = {"min_position": recorded(story)}
    standing = story.http.get("/compliance/v1/partners/northgate/compliance/S200P", params=known).json()
    assert (standing["status"], standing["counted"]) == ("compliant", ["anna", "ben"])


def recorded(system: System) -> int:
    """The position of the newest fact."""
    newest = system.http.get("/certification/v1/recorded-facts", params={"limit": 1}).json()
    position: int = newest["facts"][0]["position"]
    return position


def test_sage_university_sent_a_score_that_waits_find_it(visitor: Visit) -> None:
    page = visitor.open("/")
    held = page.get_by_label("Held facts").get_by_role("link").last
    Keyboard(page).follow(held.inner_text(), shows="It has no effect yet.")
    expect(page.locator("main")).to_contain_text("Attempt 1 of olga-S200S scored 88 %")
    expect(page.locator("main")).to_contain_text("for the exam registration olga-S200S, which is not recorded")


def health(system: System, endpoint_id: str, member: str) -> Any:
    """Waits until this is known of the endpoint."""
    for _ in range(POLLS_MAX):
        found = system.http.get(f"{ENDPOINTS}/{endpoint_id}").json()["health"][member]
        if found:
            return found
        sleep(0.05)
    raise AssertionError(f"{member} is not known of {endpoint_id}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_resend_the_message_that_failed(visitor: Visit, story: System, receiver: Receiver) -> None:
    which = {"types": ["selling-suspended"], "partner_ids": ["cedar"]}
    body = {"url": receiver.url(), "start": "origin", "filter": which}
    made = story.http.post(ENDPOINTS, json=body).json()
    try:
        health(story, made["endpoint_id"], "failing_since")
        page = visitor.open("/webhooks")
        keyboard = Keyboard(page)
        keyboard.follow(receiver.url(), shows="disk full")
        receiver.answer = WELL
        keyboard.press("Retry now", shows="The failed delivery is tried again now.")
        health(story, made["endpoint_id"], "last_delivered_at")
        keyboard.follow("Webhooks", shows="Endpoints that get the compliance events")
        keyboard.follow(receiver.url(), shows="Rotate the secret")
        keyboard.press("Resend", shows="The message was delivered: 204")
        *_, delivered, resent = receiver.requests
        assert resent.headers["webhook-id"] == delivered.headers["webhook-id"]
        assert b'"resend":true' in resent.body
    finally:
        story.http.delete(f"{ENDPOINTS}/{made['endpoint_id']}")
