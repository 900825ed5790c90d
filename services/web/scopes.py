"""Who calls, and what a call needs: every route declares the scope that it asks of a key."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from starlette.requests import Request
from starlette.types import Scope as AsgiScope

from services.web.fair_places import caller_name
from services.web.problem_details import SCOPE_MISSING, Problem

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


class Scope(StrEnum):
    """What a key allows. `FACTS` and `AUDIT` allow what `READ` allows, and `ADMIN` allows everything.

    `CALENDARS` is the least: a key of this scope alone may stand in an address.
    """

    CALENDARS = "calendars"
    READ = "read"
    FACTS = "facts"
    AUDIT = "audit"
    ADMIN = "admin"


ALLOWS: Final = {
    Scope.CALENDARS: frozenset({Scope.CALENDARS}),
    Scope.READ: frozenset({Scope.READ, Scope.CALENDARS}),
    Scope.FACTS: frozenset({Scope.FACTS, Scope.READ, Scope.CALENDARS}),
    Scope.AUDIT: frozenset({Scope.AUDIT, Scope.READ, Scope.CALENDARS}),
    Scope.ADMIN: frozenset(Scope),
}
"""What a key with this scope may call: routes that ask for one of these."""

MEANING: Final = {
    Scope.CALENDARS: "read due days alone, also with the key in the address",
    Scope.READ: "read answers, lists, timelines and feeds",
    Scope.FACTS: "record facts, and read",
    Scope.AUDIT: "ask what auditors ask, and read",
    Scope.ADMIN: "everything, webhooks, profiles and policy revisions included",
}

_OPEN: Final = "open"
_DECLARED: Final = "_needs_scope"
_CALLER: Final = "sagecert.caller"


UNNAMED: Final = "api"
"""The namespace of idempotency keys of callers without an issued key; everybody's, before keys had names."""


class Caller(NamedTuple):
    """Who calls. `name`: that of its key, and the actor of what it records. `allowed`: what it may call.

    `digest`: of an issued key; None: it has none.
    """

    name: str
    allowed: frozenset[Scope]
    digest: bytes | None = None

    @property
    def namespace(self) -> str:
        """The owner of the caller's idempotency keys: its name, or one shared by all callers without an issued key."""
        return UNNAMED if self.digest is None else self.name


LOCAL: Final = Caller("local", ALLOWS[Scope.ADMIN])
"""The caller of a system that listens on loopback only and has no key."""

BOOTSTRAP: Final = Caller("bootstrap", ALLOWS[Scope.ADMIN])
"""Who sends the key of the setting `SAGECERT_API_KEY`."""


def allowed_by(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """What a key with all these scopes may call."""
    return frozenset().union(*(ALLOWS[scope] for scope in scopes))


def requires(scope: Scope) -> Callable[[_Endpoint], _Endpoint]:
    """Declares what a route asks of a key. Below the decorator of the router."""
    return _declaring(scope)


def open_to_all(endpoint: _Endpoint) -> _Endpoint:
    """Declares that a route needs no key, such as those about the health of a process."""
    return _declaring(_OPEN)(endpoint)


def is_open(endpoint: object) -> bool:
    """Whether the route needs no key."""
    return getattr(endpoint, _DECLARED, None) == _OPEN


def required_scope(endpoint: object) -> Scope | None:
    """The scope that the route declares; None: it is open, or declares nothing."""
    declared = getattr(endpoint, _DECLARED, None)
    return declared if isinstance(declared, Scope) else None


def caller_of(request: Request) -> Caller:
    """Who makes this request."""
    return caller_of_scope(request.scope)


def caller_of_scope(scope: AsgiScope) -> Caller:
    """Who makes the request of this ASGI scope."""
    caller: Caller = scope[_CALLER]
    return caller


def set_caller(scope: AsgiScope, caller: Caller) -> None:
    """Notes who makes the request, for the application behind the guard, and for what gives places in turn."""
    scope[_CALLER] = caller
    caller_name.set(caller.name)


def insufficient_scope(needed: Scope, caller: Caller) -> Problem:
    """The problem of a call that the caller's key does not allow (RFC 6750, section 3.1)."""
    allowed = ", ".join(sorted(caller.allowed)) or "nothing"
    detail = f"This call needs the scope {needed}; the key {caller.name} allows {allowed}."
    return msgspec.structs.replace(SCOPE_MISSING, detail=detail)


def _declaring(what: str) -> Callable[[_Endpoint], _Endpoint]:
    def declare(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _DECLARED, what)
        return endpoint

    return declare
