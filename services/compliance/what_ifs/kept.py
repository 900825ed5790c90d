"""The what-ifs that the database keeps: those that wait, the one that runs, and the last results."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from secrets import token_hex
from typing import Final, Literal, NamedTuple

import asyncpg
import msgspec

from services.compliance.database import Connection
from services.compliance.what_ifs.messages import Begun, WhatIf
from services.web.refusal import Refusal
from services.web.statements import statements

ROLE: Final = "sagecert_what_ifs"
"""May call the functions that keep what-ifs, and do nothing else."""

WAITING_MAX: Final = 4
"""What-ifs that wait behind the one that runs."""
KEPT_MAX: Final = 8
"""Results that are kept; the oldest gives way."""
KEPT_DAYS_MAX: Final = 30
"""How long a result is kept after it was asked for."""
DIFFERENCES_MAX: Final = 20_000
"""Differences that a result holds; more are counted only."""

State = Literal["waiting", "running", "done", "failed"]

_SQL: Final = statements(__file__)
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(WhatIf).decode


class TooManyWhatIfs(Refusal):
    """As many what-ifs wait as may."""


class NoSuchWhatIf(Refusal):
    """The what-if was never asked, was cancelled, or gave way to later ones."""


class WhatIfsOff(Refusal):
    """The database does not let what-ifs be kept."""


class KeptWhatIf(NamedTuple):
    """One what-if and how far it has come. `number`: in the order of asking.

    `at`, `known_at`, `position`, `partners`: None while it has not begun. `differing`: how many differences were found.
    """

    number: int
    what_if_id: str
    what_if: WhatIf
    requested_by: str
    state: State
    at: datetime | None
    known_at: datetime | None
    position: int | None
    partners: int | None
    partners_done: int
    differing: int
    failure: str | None


class Taken(NamedTuple):
    """A what-if to work on. `at`, `position`: its moment, where another process had begun it."""

    number: int
    what_if_id: str
    what_if: WhatIf
    at: datetime | None
    position: int | None
    attempts: int


class Reported(NamedTuple):
    """How far the work on a what-if has come. `first`: the number of the first of `differences`, from 1."""

    state: State
    begun: Begun | None
    partners_done: int
    differing: int
    failure: str | None
    first: int
    differences: list[str]


async def ask(connection: Connection, what_if: WhatIf, requested_by: str) -> KeptWhatIf:
    """Queues it. Raises `TooManyWhatIfs`, `WhatIfsOff`."""
    what_if_id = f"wi_{token_hex(12)}"
    bounds = (WAITING_MAX + 1, KEPT_MAX, KEPT_DAYS_MAX)
    with _off_without_role():
        queued = await connection.fetchval(_SQL["ask"], what_if_id, _encode(what_if).decode(), requested_by, *bounds)
    if not queued:
        raise TooManyWhatIfs("Too many what-ifs wait: cancel one, or ask again when one is done.")
    return await find(connection, what_if_id)


async def every(connection: Connection) -> list[KeptWhatIf]:
    """Those that are kept, oldest first."""
    return [_kept(*row) for row in await connection.fetch(_SQL["listed"], None, KEPT_DAYS_MAX)]


async def find(connection: Connection, what_if_id: str) -> KeptWhatIf:
    """Raises `NoSuchWhatIf`."""
    row = await connection.fetchrow(_SQL["listed"], what_if_id, KEPT_DAYS_MAX)
    if row is None:
        raise _none(what_if_id)
    return _kept(*row)


async def differences(connection: Connection, kept: KeptWhatIf, after: int, limit: int) -> list[bytes]:
    """A page of its differences, each in JSON, by partner and product."""
    rows = await connection.fetch(_SQL["differences"], kept.number, min(after, DIFFERENCES_MAX), limit)
    return [row["difference"].encode() for row in rows]


async def forget(connection: Connection, what_if_id: str) -> None:
    """Deletes it with its result; the process at work on it stops. Raises `NoSuchWhatIf`, `WhatIfsOff`."""
    with _off_without_role():
        forgotten = await connection.fetchval(_SQL["forget"], what_if_id)
    if not forgotten:
        raise _none(what_if_id)


async def take(connection: Connection, held_by: str, seconds: float) -> Taken | None:
    """Takes up the oldest on which nobody works, for so long; None: there is none, or one runs."""
    row = await connection.fetchrow(_SQL["take"], held_by, seconds)
    if row is None:
        return None
    number, what_if_id, question, at, position, attempts = row
    return Taken(number, what_if_id, _decode(question), at, position, attempts)


async def report(connection: Connection, number: int, held_by: str, seconds: float, reported: Reported) -> bool:
    """Keeps how far it has come; False: it was forgotten, or another process took it up."""
    begun = reported.begun
    moment = (None, None, None, None) if begun is None else (begun.at, begun.known_at, begun.position, begun.partners)
    found: bool = await connection.fetchval(
        _SQL["report"],
        *(number, held_by, seconds, reported.state),
        *moment,
        *(reported.partners_done, reported.differing, reported.failure, reported.first, reported.differences),
    )
    return found


async def release(connection: Connection, held_by: str) -> None:
    """Another process may take up at once what this one works on."""
    await connection.execute(_SQL["release"], held_by)


@contextmanager
def _off_without_role() -> Iterator[None]:
    try:
        yield
    except asyncpg.InsufficientPrivilegeError:
        raise WhatIfsOff(
            f"There is no role {ROLE} to keep what-ifs with: make it, then run sagecert migrate."
        ) from None


def _kept(number: int, what_if_id: str, question: str, requested_by: str, state: State, *more: object) -> KeptWhatIf:
    return KeptWhatIf(number, what_if_id, _decode(question), requested_by, state, *more)  # type: ignore[arg-type]  # columns


def _none(what_if_id: str) -> NoSuchWhatIf:
    return NoSuchWhatIf(f"There is no what-if {what_if_id}: results are kept for a while only.", "what_if_id")
