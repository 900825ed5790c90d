"""How a partner came to stand as it does: since when, and who was lost last."""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Sequence
from datetime import datetime
from typing import NamedTuple

from services.compliance.policy.enrolment import EnrolmentTimeline
from services.compliance.policy.situation import Situation
from services.compliance.policy.window_rules import State, Visit
from shared.events.compliance_events import Status


class LastLoss(NamedTuple):
    """Who ceased to count last, and when; of several at one instant, the greatest id."""

    consultant_id: str
    at: datetime


class StandingOrigin(NamedTuple):
    """What led to a situation.

    `since`: since when the status is what it is; None: it never was another. `lost`: the last loss among the people who
    do not count in the situation.
    """

    since: datetime | None
    lost: LastLoss | None


class Losses:
    """When people ceased to count for a partner and product, in order."""

    def __init__(self) -> None:
        self._losses: list[tuple[datetime, str]] = []

    def put(self, consultant_id: str, instant: datetime, *, lost: bool) -> None:
        """The person ceases to count at the instant, or no longer does."""
        loss = (instant, consultant_id)
        place = bisect_left(self._losses, loss)
        if lost:
            self._losses.insert(place, loss)
        elif self._losses[place : place + 1] == [loss]:
            del self._losses[place]

    def last(self, until: datetime | None, counted: Container[str]) -> LastLoss | None:
        """The last loss up to the instant of somebody who is not among the counted."""
        known = 0 if until is None else bisect_right(self._losses, until, key=_instant)
        for number in range(known - 1, -1, -1):
            instant, consultant_id = self._losses[number]
            if consultant_id not in counted:
                return LastLoss(consultant_id, instant)
        return None


def status_since(
    situation: Situation, at: datetime | None, visits: Sequence[Visit], timeline: EnrolmentTimeline
) -> datetime | None:
    """Since when the status of the situation at `at` holds. `visits`: those of its sweep up to then."""
    status = situation.status
    if at is None or situation.enrolment is None:
        return None
    if status == "suspended":
        return situation.suspended_since
    if status in ("not_enrolled", "not_yet_authorised"):
        return _enrolled_since(situation.enrolment.enrolled, at, timeline)
    since = situation.reached_at
    for visit in reversed(visits):
        if _authorised_status(visit.state) != status:
            break
        since = visit.instant
    return since


def following(
    before: StandingOrigin, was: Status, instant: datetime, then: Situation, losses: Losses
) -> StandingOrigin:
    """The origin of a situation that follows another, whose status `was`, at the instant."""
    return StandingOrigin(before.since if then.status == was else instant, losses.last(instant, then.counted))


def _enrolled_since(enrolled: bool, at: datetime, timeline: EnrolmentTimeline) -> datetime | None:
    """Since when it is enrolled, or is not; None if it never was."""
    since = None
    for number in range(bisect_right(timeline.starts, at) - 1, -1, -1):
        if timeline.enrolments[number].enrolled != enrolled:
            return since
        since = timeline.starts[number]
    return since if enrolled else None


def _authorised_status(state: State) -> Status | None:
    """The status after a visit at which the minimum had been reached; None otherwise."""
    if state.reached_at is None:
        return None
    if state.suspended_since is not None:
        return "suspended"
    return "in_window" if state.unfilled else "compliant"


def _instant(loss: tuple[datetime, str]) -> datetime:
    return loss[0]
