"""A system that asks for no key answers to names of this machine only: no web page elsewhere can read or write it."""

import httpx
import pytest

from services.console.app import create_app
from services.console.settings import ConsoleSettings
from services.web.rebinding_guard import LocalNames
from services.web.scopes import Scope
from tests.access.serving import bearer, issued, running, served
from tests.console.services import Services
from tests.databases import Database

FOREIGN = "attacker.example:8000"
PAGES = ("/", "/partners", "/record", "/sign-in", "/data/compliance/v1/partners", "/nothing")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("LocalHost:8000", True),
        ("localhost.:8000", True),
        ("127.0.0.1:8000", True),
        ("127.8.9.1", True),
        ("[::1]:8000", True),
        ("portal.example:443", True),
        (FOREIGN, False),
        ("localhost.attacker.example", False),
        ("127.0.0.1.attacker.example", False),
        ("attacker.example@localhost.attacker.example", False),
        ("192.168.0.7", True),
        ("sagecert:8000", True),
        ("x", True),
        ("[::1", False),
        ("\xff.example", False),
        ("", False),
    ],
)
def test_a_name_is_of_this_machine_or_its_owner_gave_it(host: str, local: bool) -> None:
    problem = LocalNames(["Portal.example"]).problem("GET", {b"host": host.encode("latin-1")})
    assert (problem is None) == local


@pytest.mark.parametrize(
    ("method", "origin", "taken"),
    [
        ("POST", "http://localhost:8000", True),
        ("POST", "http://127.0.0.1:3000", True),
        ("POST", "https://attacker.example", False),
        ("DELETE", "null", False),
        ("POST", "http://sagecert:8000", False),
        ("GET", "https://attacker.example", True),
    ],
)
def test_nothing_is_taken_that_a_page_of_another_origin_sends(method: str, origin: str, taken: bool) -> None:
    problem = LocalNames().problem(method, {b"host": b"localhost:8000", b"origin": origin.encode()})
    assert (problem is None) == taken


def test_a_page_of_the_host_that_is_called_may_send() -> None:
    origin = {b"host": b"sagecert:8000", b"origin": b"http://Sagecert:8000"}
    assert LocalNames().problem("POST", origin) is None


async def test_without_a_key_no_path_is_answered_under_another_name(database: Database) -> None:
    async with served(database) as http:
        document = (await http.get("/openapi.json")).json()
        for path, methods in document["paths"].items():
            for method, described in methods.items():
                url = path.replace("{", "").replace("}", "")
                answer = await http.request(method, url, headers={"Host": FOREIGN})
                if described.get("security") == []:
                    assert answer.status_code in (200, 503), (method, path)
                else:
                    assert answer.status_code == 421, (method, path)
                    assert answer.json()["type"] == "urn:sagecert:problem:host-not-local"
        for page in PAGES:
            answer = await http.get(page, headers={"Host": FOREIGN})
            assert answer.status_code == 421 or page == "/sign-in", page
            assert "PARTNER" not in answer.text


async def test_a_page_elsewhere_sends_no_form_and_no_call_without_a_body(database: Database) -> None:
    async with served(database) as http:
        of_another = {"Origin": "https://attacker.example"}
        path = "/certification/v1/facts/F1/free-text"
        assert (await http.delete(path, headers=of_another)).status_code == 421
        assert (await http.delete(path, headers={"Origin": "http://localhost"})).status_code == 204
        form = {"Host": "localhost", **of_another}
        assert (await http.post("/record/link", data={"partner_id": "P1"}, headers=form)).status_code == 421


async def test_with_a_key_any_name_will_do(database: Database) -> None:
    key = issued(database, "portal", Scope.READ)
    async with served(database) as http:
        answer = await http.get("/compliance/v1/partners", headers={"Host": FOREIGN, **bearer(key.text)})
        assert answer.status_code == 200
        assert (await http.get("/compliance/v1/partners", headers={"Host": FOREIGN})).status_code == 401


async def test_names_are_settings(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGECERT_PUBLIC_NAMES", '["portal.example"]')
    async with running(database) as gateway:
        transport = httpx.ASGITransport(gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://portal.example") as http:
            assert (await http.get("/compliance/v1/partners")).status_code == 200
            assert (await http.get("/")).status_code == 200


async def test_a_console_apart_is_no_way_around_it() -> None:
    services = Services({"/compliance/v1/policy": {}})
    app = create_app(ConsoleSettings(), services)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://attacker.example") as browser:
        answer = await browser.get("/record")
    assert answer.status_code == 421
    assert "SAGECERT_PUBLIC_NAMES" in answer.text
    assert services.asked == []
