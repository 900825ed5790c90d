"""What was published about a partner, read back from its events: it stands until corrected, by whatever rules."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sagecert_verify.derive.event_data import type_of
from sagecert_verify.derive.logged_fact import instant_of
from sagecert_verify.derive.policy import FIRST_POLICY_ID
from sagecert_verify.derive.sweep import Announcement

STANDING_CHANGED: Final = "standing-changed"
REQUIRED: Final = "maintenance-required"
DUAL: Final = ("dual-link-detected", "dual-link-cleared")
RETRACTED: Final = "retracted"

Standing = dict[str, Any]


class Published(NamedTuple):
    """An event that stands, and its number among the partner's events. `history`: it says so."""

    event_id: str
    products: tuple[str, ...]
    number: int
    history: bool


class Publication(NamedTuple):
    """What stands, in the order in which it was announced; the last standings told; how many events there were."""

    standing: dict[Announcement, Published]
    told: dict[str, Standing]
    events: int


def publication_of(events: Iterable[tuple[Mapping[str, Any], bytes]]) -> Publication:
    """After these events of one partner, each the columns and the bytes, in order from the first.

    Raises what a value of another shape raises.
    """
    standing: dict[Announcement, Published] = {}
    announced_by: dict[str, Announcement] = {}
    told: dict[str, Standing] = {}
    lowest_free: dict[Announcement, int] = {}
    count = 0
    for columns, body in events:
        count += 1
        data = json.loads(body)
        products = tuple(data["products"])
        for product in products:
            told.pop(product, None)
        told.update((carried["product"], _with_policies(carried)) for carried in data["standings"])
        if "retracts" in data:
            gone = announced_by.pop(data["retracts"]["event_id"], None)
            if gone is not None:
                del standing[gone]
                bare = gone._replace(ordinal=1)
                lowest_free[bare] = min(lowest_free[bare], gone.ordinal)
            continue
        if columns["type"] == type_of(STANDING_CHANGED):
            continue
        bare = _announcement(columns, data, products)
        ordinal = lowest_free.get(bare, 1)
        while bare._replace(ordinal=ordinal) in standing:
            ordinal += 1
        lowest_free[bare] = ordinal
        notice = bare._replace(ordinal=ordinal)
        standing[notice] = Published(columns["event_id"], products, count, data.get("history", False))
        announced_by[columns["event_id"]] = notice
    return Publication(standing, told, count)


def _announcement(columns: Mapping[str, Any], data: Mapping[str, Any], products: tuple[str, ...]) -> Announcement:
    name: str = columns["type"].removeprefix(_PREFIX).removesuffix(_SUFFIX)
    product = None if name in (REQUIRED, *DUAL) else products[0]
    named = products if name == REQUIRED else ()
    return Announcement(name, _instant(columns), product, columns["about"], 1, named, data.get("due_on", ""))


_PREFIX, _, _SUFFIX = type_of("*").partition("*")


def _instant(columns: Mapping[str, Any]) -> datetime:
    return instant_of(columns["effective_at"])


def _with_policies(standing: Mapping[str, Any]) -> Standing:
    """Windows of the time before there was another policy name none."""
    windows = [{**window, "policy_id": window.get("policy_id", FIRST_POLICY_ID)} for window in standing["windows"]]
    return {**standing, "windows": windows}
