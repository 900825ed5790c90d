"""Signing in with an API key, once, and out again."""

import asyncio
from collections import Counter
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.console import form_kept_for_sign_in
from services.console.page import THEME_COOKIE, THEMES, Handler, Page, refusal, sign_in_first
from services.console.service_questions import Questions, Refused, SignedOut
from services.console.session import KEY_LENGTH_MAX, end, is_https, new_session

WRONG_SECONDS: Final = 1.0
"""How long a wrong key waits for its answer."""
WAITING_MAX: Final = 64
"""Wrong keys that wait at the same time; further ones are not looked at."""
WAITING_PER_ADDRESS_MAX: Final = 4

_WRONG: Final = "The system does not know this key: it is mistyped, revoked, or of another system."
_TOO_MANY: Final = "Too many wrong keys. Try again in a few seconds."
_YEAR_SECONDS: Final = 365 * 24 * 3600


class WrongKeys:
    """The wrong keys that wait for their answer, by the address that sent them: bounded, forgotten once answered."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    def is_full(self, address: str) -> bool:
        """Whether no further key of this address is looked at for now."""
        return self._waiting.total() >= WAITING_MAX or self._waiting[address] >= WAITING_PER_ADDRESS_MAX

    async def wait(self, address: str) -> None:
        """Makes a wrong key cost its sender time."""
        self._waiting[address] += 1
        try:
            await asyncio.sleep(WRONG_SECONDS)
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]


async def show(request: Request) -> Response:
    """The form that takes the key. A visitor who is signed in goes on to the page asked for."""
    shown = Page(request.app.state.console, request)
    try:
        known = await shown.ask.knows_the_visitor()
    except Refused as refused:
        return refusal(shown, refused)
    if known:
        return shown.redirect(_local(shown.query.get("next")))
    return _form(shown, None, 200)


def _form_of_anybody(path: str, take: Handler) -> Route:
    """Takes a form, also of somebody who is not signed in."""

    async def answer(request: Request) -> Response:
        shown = Page(request.app.state.console, request)
        try:
            await shown.read_form()
            return await take(shown)
        except SignedOut:
            return await sign_in_first(shown)
        except Refused as refused:
            return refusal(shown, refused)

    return Route(path, answer, methods=["POST"])


async def sign_in(shown: Page) -> Response:
    """Takes the key and begins a session with it."""
    wrong: WrongKeys = shown.request.app.state.wrong_keys
    address = shown.request.client.host if shown.request.client else ""
    if wrong.is_full(address):
        return _form(shown, _TOO_MANY, 429)
    key = shown.form.get("key", "")
    usable = bool(key) and len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable()
    ask = Questions(shown.console.services, key)
    if not usable or not await ask.knows_the_visitor():
        await wrong.wait(address)
        return _form(shown, _WRONG, 401)
    caller = await ask.get("/certification/v1/caller")
    session = new_session(key, caller["name"], caller["scopes"])
    draft = form_kept_for_sign_in.read(shown.form.get("draft"))
    if draft is None:
        response = shown.redirect(_local(shown.form.get("next")))
    else:
        shown.session = session
        response = shown.render("signed_in_again.html", draft=draft)
    shown.keep(session, response)
    return response


async def sign_out(_: Page) -> Response:
    """Ends the session in this browser."""
    response = RedirectResponse("/sign-in", 303)
    end(response)
    response.headers["Clear-Site-Data"] = '"cache"'  # what `Page.render` let the browser keep
    return response


async def choose_theme(shown: Page) -> Response:
    """Keeps the theme that the visitor chose; another word goes back to that of the system."""
    response = shown.redirect(_local(shown.form.get("back")))
    theme = shown.form.get("theme", "")
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, _YEAR_SECONDS, samesite="lax", secure=is_https(shown.request))
    else:
        response.delete_cookie(THEME_COOKIE)
    return response


def _form(shown: Page, wrong: str | None, status: int) -> Response:
    back = shown.form.get("next") or shown.query.get("next") or "/"
    draft = shown.form.get("draft", "")
    return shown.render("sign_in.html", status=status, wrong=wrong, back=_local(back), draft=draft)


def _local(address: str | None) -> str:
    """The address, if it leads to this origin; else the first page."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")) or not address.isprintable():
        return "/"
    parts = urlsplit(address)
    return address if not parts.scheme and not parts.netloc and "\\" not in address else "/"


ROUTES: Final = (
    Route("/sign-in", show, methods=["GET"]),
    _form_of_anybody("/sign-in", sign_in),
    _form_of_anybody("/sign-out", sign_out),
    _form_of_anybody("/theme", choose_theme),
)
