"""Who is let in, and for how long."""

from html import unescape
from typing import Any

import httpx
import pytest

from services.console import sign_in
from services.console.fact_words import may_words
from services.console.session import COOKIE
from tests.console.conftest import Visit
from tests.console.html import text, token
from tests.console.services import Services

ENDPOINTS = "/compliance/v1/webhook-endpoints"
KEY = "sage_a-key-of-this-system"
PAGES = ("/", "/no-such-page", "/data/compliance/v1/partners")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "WRONG_SECONDS", 0.0)


async def _sign_in(browser: httpx.AsyncClient, key: str, **fields: str) -> httpx.Response:
    page = await browser.get("/sign-in")
    return await browser.post("/sign-in", data={"csrf": token(page), "key": key, **fields})


@pytest.mark.parametrize("path", PAGES)
async def test_a_visitor_without_a_session_sees_nothing_and_learns_nothing(visit: Visit, path: str) -> None:
    services = Services(keys={KEY})
    answer = await visit(services).get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert answer.content == b""
    assert services.asked == []


async def test_a_key_signs_in_once_and_leads_back_to_the_wanted_page(visit: Visit) -> None:
    browser = visit(Services(keys={KEY}))
    answer = await _sign_in(browser, KEY, next="/partners?status=suspended")
    assert (answer.status_code, answer.headers["location"]) == (303, "/partners?status=suspended")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=43200" in cookie
    assert KEY not in cookie
    assert (await browser.get("/")).status_code == 200


async def test_a_page_says_who_is_signed_in_and_what_the_key_allows(visit: Visit) -> None:
    browser = visit(Services(keys={KEY}))
    await _sign_in(browser, KEY)
    assert (
        'Signed in as </span><bdi class="strong">crm</bdi><span class="muted">may read and record facts<'
        in (await browser.get("/")).text
    )


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        (["read"], "may read"),
        (["audit", "read"], "may read and audit"),
        (["audit", "facts", "read"], "may read, record facts and audit"),
        (["admin", "audit", "facts", "read"], "may do everything"),
        ([], "may do nothing"),
    ],
)
def test_what_a_key_allows_is_said_in_words(scopes: list[str], said: str) -> None:
    assert may_words(scopes) == said


async def test_what_was_typed_outlives_the_session(visit: Visit) -> None:
    services = Services(keys={KEY})
    browser = visit(services)
    typed = {"csrf": "of the session that ended", "step": "preview", "partner_id": "cedar", "reason": "<b>he moved</b>"}
    answer = await browser.post("/record/departure", data=typed)
    assert (answer.status_code, services.asked) == (401, [])
    draft = unescape(answer.text.partition('name="draft" value="')[2].partition('"')[0])
    resumed = await browser.post("/sign-in", data={"csrf": token(answer), "key": KEY, "draft": draft})
    assert "nothing you typed is lost" in text(resumed)
    assert 'action="/record/departure"' in resumed.text
    assert 'name="reason" value="&lt;b&gt;he moved&lt;/b&gt;"' in resumed.text
    fields = {"csrf": token(resumed), "step": "change", "partner_id": "cedar", "reason": "he moved"}
    form = await browser.post("/record/departure", data=fields)
    assert (form.status_code, 'value="cedar"' in form.text) == (200, True)


@pytest.mark.parametrize("draft", ["no JSON", '{"path": "//evil.test", "fields": {}}', '{"path": "/record/departure"}'])
async def test_a_draft_of_something_else_is_dropped(visit: Visit, draft: str) -> None:
    answer = await _sign_in(visit(Services(keys={KEY})), KEY, draft=draft)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_nothing_that_another_site_typed_is_kept(visit: Visit) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answer = await visit(Services(keys={KEY})).post("/record/departure", data={"partner_id": "x"}, headers=foreign)
    assert answer.status_code == 303


async def test_a_session_ends_in_time(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: 1_790_000_000)
    browser = visit(Services(keys={KEY}))
    await _sign_in(browser, KEY)
    kept = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}  # by hand: the browser would forget it in time, too
    browser.cookies.clear()
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: 1_790_000_000 + 12 * 3600 - 60)
    assert (await browser.get("/", headers=kept)).status_code == 200
    browser.cookies.clear()
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: 1_790_000_000 + 12 * 3600 + 60)
    assert (await browser.get("/", headers=kept)).status_code == 303


async def test_over_https_the_session_never_goes_over_plain_http(visit: Visit) -> None:
    browser = visit(Services(keys={KEY}))
    answer = await browser.get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in answer.headers["set-cookie"]


async def test_a_revoked_key_ends_its_session_at_once(visit: Visit) -> None:
    services = Services(keys={KEY})
    browser = visit(services)
    await _sign_in(browser, KEY)
    services.keys = set()
    assert (await browser.get("/")).headers["location"] == "/sign-in"


async def test_signing_out_ends_the_session_of_the_browser(visit: Visit) -> None:
    browser = visit(Services(keys={KEY}))
    await _sign_in(browser, KEY)
    page = await browser.get("/")
    ended = await browser.post("/sign-out", data={"csrf": token(page)})
    assert ended.headers["clear-site-data"] == '"cache"'
    assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize("key", ["wrong", "", "\N{SNOWMAN}", "k" * 600])
async def test_a_wrong_key_is_refused_with_a_sentence(visit: Visit, key: str) -> None:
    answer = await _sign_in(visit(Services(keys={KEY})), key)
    assert answer.status_code == 401
    assert "does not know this key" in text(answer)


async def test_further_wrong_keys_of_an_address_are_not_looked_at(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "WAITING_PER_ADDRESS_MAX", 0)
    answer = await _sign_in(visit(Services(keys={KEY})), KEY)
    assert answer.status_code == 429


@pytest.mark.parametrize("elsewhere", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:alert(1)"])
async def test_signing_in_leads_to_no_other_origin(visit: Visit, elsewhere: str) -> None:
    answer = await _sign_in(visit(Services(keys={KEY})), KEY, next=elsewhere)
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("headers", "csrf"),
    [({}, "another session's"), ({"Sec-Fetch-Site": "cross-site"}, None)],
    ids=["another token", "from another site"],
)
async def test_a_form_from_elsewhere_is_refused(visit: Visit, headers: dict[str, str], csrf: str | None) -> None:
    browser = visit(Services())
    page = await browser.get("/")
    answer = await browser.post("/theme", data={"csrf": csrf or token(page), "theme": "dark"}, headers=headers)
    assert answer.status_code == 403
    assert "sagecert_theme" not in answer.headers.get("set-cookie", "")


async def test_a_form_without_bounds_is_refused(visit: Visit) -> None:
    browser = visit(Services())
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.post("/theme", content=b"a=" + b"x" * 70_000, headers=form)).status_code == 413
    assert (await browser.post("/theme", content=b"a=1&" * 300, headers=form)).status_code == 422
    assert (await browser.get("/partners?" + "a=1&" * 300)).status_code == 422
    assert (await browser.post("/theme", json={})).status_code == 415


async def test_the_chosen_theme_stays(visit: Visit) -> None:
    browser = visit(Services())
    page = await browser.get("/")
    await browser.post("/theme", data={"csrf": token(page), "theme": "dark", "back": "/"})
    assert 'data-theme="dark"' in (await browser.get("/")).text


OFFERED = {
    "read": set(),
    "facts": {"/record", "/record/departure"},
    "audit": {"/audit-trail"},
    "admin": {"/record", "/record/departure", "/record/policy-revision", "/webhooks", "/webhooks/new", "/audit-trail"},
}
"""By scope of the key: the pages on which something can be done."""


@pytest.mark.parametrize("scope", OFFERED)
async def test_a_key_is_offered_nothing_that_it_may_not_do(visit: Visit, scope: str) -> None:
    caller = {"name": "crm", "scopes": [scope]}
    empty: dict[str, Any] = {"/audit/v1/what-ifs": {"what_ifs": []}, ENDPOINTS: {"endpoints": []}}
    services = Services({"/certification/v1/caller": caller, **empty}, keys={"k"})
    browser = visit(services)
    await _sign_in(browser, "k")
    offered = set()
    for path in sorted(set().union(*OFFERED.values())):
        answer = await browser.get(path)
        refused = "Your key does not allow this" in text(answer)
        assert (answer.status_code == 403) == refused
        if not refused and "need a key of the scope audit" not in text(answer):
            offered.add(path)
    assert offered == OFFERED[scope]
    asked = {path for _, path, _, _ in services.asked}
    assert (ENDPOINTS in asked) == (scope == "admin"), "what is not shown is not asked for"
