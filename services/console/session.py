"""Sessions in a sealed cookie: the console stores nothing, and a revoked key ends its sessions at once."""

from collections.abc import Sequence
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Final

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "sagecert_session"
FLASH_COOKIE: Final = "sagecert_flash"
FLASH_SECONDS: Final = 60
FLASH_LENGTH_MAX: Final = 400
KEY_LENGTH_MAX: Final = 512
"""The longest API key for signing in; a cookie has at most 4 KiB."""


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """`csrf`: the token that every form of the session carries. `key`: the API key; None: nobody signed in.

    `name`, `scopes`: what the key is called and allows, which no key ever changes.
    """

    csrf: str
    key: str | None = None
    name: str = ""
    scopes: tuple[str, ...] = ()

    def may(self, scope: str) -> bool:
        """Whether what needs this scope is offered. The services judge each call, whatever is offered."""
        return self.key is None or scope in self.scopes or "admin" in self.scopes


class Sessions:
    """Seals sessions into cookies and opens them. `seconds_max`: how long after signing in a session ends."""

    def __init__(self, keys: Sequence[SecretStr], seconds_max: int) -> None:
        chosen = [key.get_secret_value().encode() for key in keys] or [Fernet.generate_key()]
        self._fernet = MultiFernet([Fernet(key) for key in chosen])
        self._seconds_max = seconds_max

    def of(self, request: Request) -> tuple[Session, bool]:
        """The session of the request, and whether it is new and its cookie is still to be set."""
        sealed = request.cookies.get(COOKIE)
        session = None if sealed is None else self._opened(sealed)
        return (new_session(), True) if session is None else (session, False)

    def keep(self, request: Request, response: Response, session: Session) -> None:
        """Sets the cookie of the session."""
        sealed = self._fernet.encrypt(msgspec.json.encode(session)).decode()
        _set(request, response, COOKIE, sealed, self._seconds_max)

    def flash_of(self, request: Request) -> str | None:
        """The sentence that the page before left for this one."""
        sealed = request.cookies.get(FLASH_COOKIE)
        if not sealed:
            return None
        try:
            return self._fernet.decrypt(sealed, ttl=FLASH_SECONDS).decode()
        except InvalidToken:
            return None

    def keep_flash(self, request: Request, response: Response, sentence: str) -> None:
        """Leaves a sentence for the next page."""
        sealed = self._fernet.encrypt(sentence[:FLASH_LENGTH_MAX].encode()).decode()
        _set(request, response, FLASH_COOKIE, sealed, FLASH_SECONDS)

    def _opened(self, sealed: str) -> Session | None:
        try:
            return msgspec.json.decode(self._fernet.decrypt(sealed, ttl=self._seconds_max), type=Session)
        except (InvalidToken, msgspec.DecodeError):
            return None


def new_session(key: str | None = None, name: str = "", scopes: Sequence[str] = ()) -> Session:
    """A session with a CSRF token of its own."""
    return Session(token_urlsafe(24), key, name, tuple(scopes))


def is_from_the_session(session: Session, token: str) -> bool:
    """Whether a form carries the CSRF token of the session."""
    return compare_digest(session.csrf.encode(), token.encode())


def end(response: Response) -> None:
    """Deletes the cookie of the session."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")


def is_https(request: Request) -> bool:
    """Whether the visitor's browser speaks https, here or to the proxy in front."""
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "") == "https"


def _set(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """`SameSite=Lax`: a link in an e-mail opens the view, and no other site can post."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=is_https(request), httponly=True, samesite="lax")
