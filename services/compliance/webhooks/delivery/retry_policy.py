"""Pure decisions after a failed delivery: when to retry, warn, disable or park."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from services.compliance.webhooks.filter_and_cursor import DisabledBecause
from services.compliance.webhooks.outcome import Outcome

FIRST_WAIT_SECONDS: Final = 5.0
WAIT_SECONDS_MAX: Final = 3600.0
JITTER: Final = 0.2
"""The random part of a wait, so that the endpoints of one host are not retried all at once."""

ASKED_SECONDS_MAX: Final = 3600.0
"""The longest wait that a `Retry-After` can ask for."""

WARN_HOURS: Final = (1, 24)
DISABLE_AFTER: Final = timedelta(hours=120)
PARK_AFTER: Final = timedelta(hours=24)

_BUSY: Final = frozenset({429, 503})
_GONE: Final = 410
REJECTED: Final = frozenset({400, 413, 422})
"""Statuses with which a receiver rejects the message itself."""
_DOUBLINGS_MAX: Final = 10


class Health(msgspec.Struct, frozen=True):
    """An endpoint's failures since its last success.

    `failures`: in a row. `warned_hours`: the highest of WARN_HOURS logged so far. `rejecting_since`: since when the
    message at the cursor gets only 400, 413 or 422.
    """

    failing_since: datetime | None = None
    failures: int = 0
    warned_hours: int = 0
    rejecting_since: datetime | None = None


HEALTHY: Final = Health()


class RetryDecision(msgspec.Struct, frozen=True):
    """`park`: the message may be parked and the next one sent at once. `warn_hours`: to be logged, once."""

    health: Health
    wait_seconds: float
    disable: DisabledBecause | None = None
    park: bool = False
    warn_hours: int | None = None


def rejects(outcome: Outcome) -> bool:
    """Whether the receiver rejected the message itself."""
    return outcome.error is None and outcome.status in REJECTED


def after_failure(outcome: Outcome, health: Health, now: datetime, chance: float, *, parkable: bool) -> RetryDecision:
    """Decides after a failure. `chance`: from 0 to 1, for the jitter. `parkable`: it was one event, sent alone."""
    failing_since = health.failing_since or now
    failures = health.failures + 1
    rejecting_since = (health.rejecting_since or now) if parkable and rejects(outcome) else None
    reached = max((hours for hours in WARN_HOURS if now - failing_since >= timedelta(hours=hours)), default=0)
    after = Health(failing_since, failures, max(health.warned_hours, reached), rejecting_since)
    if outcome.error is None and outcome.status == _GONE:
        return RetryDecision(after, 0.0, disable="gone")
    if now - failing_since >= DISABLE_AFTER:
        return RetryDecision(after, 0.0, disable="failing")
    return RetryDecision(
        after,
        _wait_seconds(outcome, failures, chance),
        park=rejecting_since is not None and now - rejecting_since >= PARK_AFTER,
        warn_hours=reached if reached > health.warned_hours else None,
    )


def after_parking(health: Health) -> Health:
    """The health after the message was parked: the next message has not been rejected yet."""
    return msgspec.structs.replace(health, rejecting_since=None)


def _wait_seconds(outcome: Outcome, failures: int, chance: float) -> float:
    """The backoff, or the longer wait of a busy receiver's `Retry-After`; a shorter one changes nothing."""
    doubled = FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, _DOUBLINGS_MAX)
    backoff = float(min(doubled, WAIT_SECONDS_MAX) * (1 - JITTER * chance))
    if outcome.status not in _BUSY or outcome.retry_after_seconds is None:
        return backoff
    return max(backoff, min(outcome.retry_after_seconds, ASKED_SECONDS_MAX))
