"""Why a request is refused: one tree of exceptions for both services, and those that both raise.

How each is answered stands in the problem table of its service (`services.web.problem_details`).
"""

from typing import Any

import msgspec

from shared.events.envelope import Fact


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of the request. `place`: body, query, path or header. `parameter`: its name, with dots below the top.

    `expected`: what is acceptable there. `example`: such a value, where the documents give one.
    """

    place: str
    parameter: str
    expected: str
    example: Any = msgspec.UNSET


class Refusal(Exception):
    """The request is refused; nothing was recorded.

    `detail`: why, in words for the caller. `parameter`: the part of the call that is meant. `rule`: the id of the rule
    that refused, where one did. `recorded`: the recorded fact that stands in the way. `errors`: every part of the
    request that is not acceptable.
    """

    rule: str | None = None

    def __init__(
        self,
        detail: str,
        parameter: str | None = None,
        *,
        recorded: Fact | None = None,
        errors: tuple[FieldError, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.parameter = parameter
        self.recorded = recorded
        self.errors = errors


class Malformed(Refusal):
    """The request is incomplete or has a wrong form."""


class TooLarge(Refusal):
    """The request has too many bytes or lines."""


class UnknownProduct(Refusal):
    """No such product is sold (R2)."""

    rule = "R2"


class IdempotencyKeyMissing(Refusal):
    """An Idempotency-Key is missing, given twice, or not 1 to 255 visible ASCII characters (R34)."""

    rule = "R34"


class IdempotencyKeyReused(Refusal):
    """The key stands for other content (R34)."""

    rule = "R34"


class NoDatabase(Refusal):
    """The database does not answer."""


class EngineNotInstalled(Refusal):
    """Another engine decides for this system: a process of this one decides nothing."""


def engine_not_installed(installed: str, own: str) -> EngineNotInstalled:
    """The refusal of a process whose engine is `own`."""
    return EngineNotInstalled(
        f"This process runs engine {own}, but engine {installed} is installed: it decides nothing. Start the "
        "version that `sagecert migrate` was run with, with the same SAGECERT_PRODUCTS, or migrate again."
    )


class TooManyReaders(Refusal):
    """Too many streams and long polls are open, in all or for this caller."""
