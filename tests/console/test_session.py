"""Who is let in, and for how long."""

import httpx
import pytest

from services.console import sign_in
from tests.console.conftest import Visit
from tests.console.html import text, token
from tests.console.services import Services

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
    await browser.post("/sign-out", data={"csrf": token(page)})
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
