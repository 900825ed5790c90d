"""Signing in with an API key, once, and out again."""

import asyncio
from collections import Counter
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.console.page import THEME_COOKIE, THEMES, Page, refusal
from services.console.questions import Questions, Refused
from services.console.session import KEY_LENGTH_MAX, end, is_https, new_session

WRONG_SECONDS: Final = 1.0
"""How long a wrong key waits for its answer."""
WAITING_MAX: Final = 64
"""Wrong keys that wait at the same time; further ones are not looked at."""
WAITING_PER_ADDRESS_MAX: Final = 4

_WRONG: Final = "The system does not know this key: it is mistyped, revoked, or of another system."
_TOO_MANY: Final = "Too many wrong keys at present. Try again in a few seconds."
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
    """The form that takes the key. Who is let in already is led on."""
    shown = Page(request.app.state.console, request)
    try:
        known = await shown.ask.knows_the_visitor()
    except Refused as refused:
        return refusal(shown, refused)
    if known:
        return shown.redirect(_local(shown.query.get("next")))
    return _form(shown, None, 200)


async def sign_in(request: Request) -> Response:
    """Takes the key and begins a session with it."""
    shown = Page(request.app.state.console, request)
    try:
        await shown.read_form()
        return await _signed_in(shown, request.app.state.wrong_keys)
    except Refused as refused:
        return refusal(shown, refused)


async def _signed_in(shown: Page, wrong: WrongKeys) -> Response:
    address = shown.request.client.host if shown.request.client else ""
    if wrong.is_full(address):
        return _form(shown, _TOO_MANY, 429)
    key = shown.form.get("key", "")
    usable = bool(key) and len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable()
    if not usable or not await Questions(shown.console.services, key).knows_the_visitor():
        await wrong.wait(address)
        return _form(shown, _WRONG, 401)
    response = shown.redirect(_local(shown.form.get("next")))
    shown.keep(new_session(key), response)
    return response


async def sign_out(request: Request) -> Response:
    """Ends the session in this browser."""
    shown = Page(request.app.state.console, request)
    try:
        await shown.read_form()
    except Refused as refused:
        return refusal(shown, refused)
    response = RedirectResponse("/sign-in", 303)
    end(response)
    return response


async def choose_theme(request: Request) -> Response:
    """Keeps the theme that the visitor chose; another word goes back to that of the system."""
    shown = Page(request.app.state.console, request)
    try:
        await shown.read_form()
    except Refused as refused:
        return refusal(shown, refused)
    response = shown.redirect(_local(shown.form.get("back")))
    theme = shown.form.get("theme", "")
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, _YEAR_SECONDS, samesite="lax", secure=is_https(request))
    else:
        response.delete_cookie(THEME_COOKIE)
    return response


def _form(shown: Page, wrong: str | None, status: int) -> Response:
    back = shown.form.get("next") or shown.query.get("next") or "/"
    return shown.render("sign_in.html", status=status, wrong=wrong, back=_local(back))


def _local(address: str | None) -> str:
    """The address, if it leads to this origin; else the first page."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")) or not address.isprintable():
        return "/"
    parts = urlsplit(address)
    return address if not parts.scheme and not parts.netloc and "\\" not in address else "/"


ROUTES: Final = (
    Route("/sign-in", show, methods=["GET"]),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/theme", choose_theme, methods=["POST"]),
)
