"""The standings of a partner as rows: the present one, and those that follow if no fact comes."""

from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.policy.partner_history import PartnerHistory
from services.compliance.policy.situation import Situation
from services.compliance.policy.standing_origin import StandingOrigin, following
from services.compliance.policy.standing_reasons import leading_reason, standing_reasons
from services.compliance.policy.sweep import Sweep
from services.compliance.read_model.answer_json import body_of
from services.compliance.read_model.rows import StandingRow, WindowRow

BODIES_BYTES_MAX: Final = 256 * 1024
"""How much of a partner's answers for one product is stored ahead. Beyond, rows have no body: the policy answers."""


class ForecastRows(NamedTuple):
    """The rows of every product's standings and windows, and how many windows each has."""

    standings: list[StandingRow]
    windows: list[WindowRow]
    window_counts: list[tuple[str, int]]


def forecast_rows(history: PartnerHistory) -> ForecastRows:
    """The rows of a partner; none if it was never mentioned."""
    found = ForecastRows([], [], [])
    for product, sweep in history.sweeps().items():
        assert history.changed_at is not None
        last = _standing_rows(history, sweep, found.standings)
        windows = _window_rows(history.partner_id, product, last, history.changed_at)
        found.windows.extend(windows)
        found.window_counts.append((product, len(windows)))
    return found


def ended_windows(history: PartnerHistory) -> list[WindowRow]:
    """The rows of the windows that ended by the last step. No forecast changes them."""
    changed_at = history.changed_at
    if changed_at is None:
        return []
    return [
        row
        for product, sweep in history.sweeps().items()
        for row in _window_rows(history.partner_id, product, sweep.situation(), changed_at)
        if row.closed_at is not None
    ]


def _standing_rows(history: PartnerHistory, sweep: Sweep, found: list[StandingRow]) -> Situation:
    """Adds the rows of one product; returns the situation that holds for ever if no fact comes."""
    assert history.changed_at is not None
    size = 0
    situation = sweep.situation()
    origin = sweep.origin()
    row = _Row(history.changed_at, situation, origin, with_body=True, ahead=False)
    for instant, situation in sweep.forecast():
        origin = following(origin, row.status, instant, situation, sweep.losses)
        then = _Row(instant, situation, origin, with_body=size <= BODIES_BYTES_MAX, ahead=True)
        if then.shows is not None and then.shows == row.shows:
            continue
        found.append(row.until(history.partner_id, instant))
        size += len(found[-1].body)
        row = then
    found.append(row.until(history.partner_id, None))
    return situation


class _Row:
    """A row whose end is not known yet. `shows`: the standing and its reasons; None if it shows no body."""

    def __init__(
        self, valid_from: datetime, situation: Situation, origin: StandingOrigin, *, with_body: bool, ahead: bool
    ) -> None:
        self._valid_from = valid_from
        self._ahead = ahead
        self._figures = (situation.status, len(situation.counted), situation.minimum, situation.shortfall)
        self._product = situation.product
        self._origin = origin
        self.status = situation.status
        self.shows = (situation.standing(), standing_reasons(situation)) if with_body else None
        self._reason = leading_reason(situation) if self.shows is None else self.shows[1][0]

    def until(self, partner_id: str, valid_to: datetime | None) -> StandingRow:
        since, lost = self._origin
        body = b"" if self.shows is None else body_of(*self.shows, valid_to)
        return StandingRow(
            partner_id,
            self._product,
            self._valid_from,
            valid_to,
            *self._figures,
            body,
            since,
            self._reason.rule,
            self._reason.text,
            None if lost is None else lost.consultant_id,
            None if lost is None else lost.at,
            self._ahead,
        )


def _window_rows(partner_id: str, product: str, last: Situation, changed_at: datetime) -> list[WindowRow]:
    """The windows as they end if no fact comes: what each is at an earlier instant follows from its own instants."""
    return [
        WindowRow(
            partner_id,
            product,
            number,
            window.opened_at,
            window.deadline_on,
            window.deadline_at,
            window.closed_at,
            None if window.closed_at is None else window.outcome,
            window.policy_id,
            window.opened_at > changed_at,
        )
        for number, window in enumerate(last.windows(), start=1)
    ]
