"""The numbers and lists of the policy before its first revision (R39), in one place."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from shared.events.facts import ELIGIBLE_PROGRAMMES, Kind


class Parameters(msgspec.Struct, frozen=True):
    """What the rules leave to policy: what holds before the first revision, which is a fact (R39).

    `version`: of what derives by them, the id of the engine in a running system. It is stored with everything derived.
    `products`: every product that is sold; each partner has a standing for each (R2).
    `minimum`: counted consultants that a partner of each kind must keep (R10).
    `programmes`: where a partner of known kind is enrolled (R11).
    `window_days`: London calendar days to replace a missing consultant (R15).
    `reminder_days`: London calendar days before a deadline at which to remind.
    """

    version: str = "2026-11"
    products: tuple[str, ...] = ("S200P", "S200S")
    minimum: Mapping[Kind, int] = MappingProxyType({"VAR": 2, "DEVELOPER": 1})
    programmes: tuple[str, ...] = ELIGIBLE_PROGRAMMES
    window_days: int = 30
    reminder_days: tuple[int, ...] = (7, 1)


PARAMETERS: Final = Parameters()
"""Sage's certification requirements of August 2021, the policy `2021-08`."""


def parameters_for(products: tuple[str, ...], engine_id: str) -> Parameters:
    """The policy where these products are sold (R2), and this engine derives."""
    return msgspec.structs.replace(PARAMETERS, version=engine_id, products=products)
