"""The filter and the cursor of a webhook endpoint, as values."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

State = Literal["active", "paused", "disabled"]
DisabledBecause = Literal["gone", "failing"]


class Filter(msgspec.Struct, frozen=True):
    """Which compliance events an endpoint gets; null: any. An event must pass all four.

    `types`: CloudEvents types. `products`: events about at least one of them. `history` false: without those that
    follow from facts that were loaded afterwards.
    """

    types: tuple[str, ...] | None = None
    partner_ids: tuple[str, ...] | None = None
    products: tuple[str, ...] | None = None
    history: Literal[False] | None = None


def filter_of(row: Mapping[str, Any]) -> Filter:
    """The filter in the columns of the same names."""
    types, partner_ids, products = (
        None if row[name] is None else tuple(row[name]) for name in ("types", "partner_ids", "products")
    )
    return Filter(types, partner_ids, products, row["history"])


class Cursor(msgspec.Struct, frozen=True):
    """How far an endpoint has come in the log.

    `position`: the last compliance event that was delivered, parked or filtered out.
    `sequence`: the number, within the epoch, of the last message delivered or parked; the next one has the next number.
    `delivered_sequence`: the last one delivered; those after it, up to `sequence`, are parked.
    `replay_through`: messages of events up to this position are marked as replayed.
    """

    position: int
    epoch: int = 1
    sequence: int = 0
    delivered_sequence: int = 0
    replay_through: int = 0
