"""Compliance events as they lie in the log, made up for those who only look at messages."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from services.compliance.read_model.event_log import LoggedEvent
from services.compliance.webhooks.filter_and_cursor import Cursor
from services.compliance.webhooks.message import Message, next_message
from shared.events.compliance_events import TYPE_OF, ComplianceEventData, Standing

AT: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def event_row(
    position: int, *, may_sell: bool | None, event_id: str, partner_id: str = "harbour", about: str = ""
) -> LoggedEvent:
    """A row of the log: a partner's standing for S200P has changed. `may_sell` None: it is no longer sold."""
    standing = Standing("S200P", 2, ("ann", "bob"), 2, 0, "compliant", may_sell is True, True, (), ())
    data = msgspec.json.encode(ComplianceEventData(partner_id, ("S200P",), () if may_sell is None else (standing,)))
    return LoggedEvent(position, event_id, TYPE_OF["standing-changed"], partner_id, ["S200P"], AT, AT, 0, about, data)


def event_message(
    sequence: int,
    *,
    may_sell: bool | None = True,
    epoch: int = 1,
    event_id: str = "",
    delivered_sequence: int | None = None,
    replay: bool = False,
) -> Message:
    """The message of this number. `delivered_sequence`: of the last one before it that was not parked."""
    cursor = Cursor(
        position=99 + sequence,
        epoch=epoch,
        sequence=sequence - 1,
        delivered_sequence=sequence - 1 if delivered_sequence is None else delivered_sequence,
        replay_through=10_000 if replay else 0,
    )
    return next_message(
        event_row(100 + sequence, may_sell=may_sell, event_id=event_id or f"event-{epoch}-{sequence}"), cursor
    )
