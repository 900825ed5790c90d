"""What a verification finds, in one number and one sentence."""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple


class Status(IntEnum):
    """The exit status, which is the verdict."""

    WITNESSED = 0
    DAMAGED = 2
    NOT_WITNESSED = 10
    SPLIT_VIEW_POSSIBLE = 11
    NO_EARLIER_CHECKPOINT = 20
    ALTERED = 30
    DIFFERS = 40
    UNUSABLE = 64


HEADLINES: Mapping[Status, str] = {
    Status.WITNESSED: "witnessed and re-derived",
    Status.DAMAGED: "the file is damaged",
    Status.NOT_WITNESSED: "re-derived, not witnessed",
    Status.SPLIT_VIEW_POSSIBLE: "re-derived, but a split view is possible",
    Status.NO_EARLIER_CHECKPOINT: "re-derived, but there is no earlier checkpoint to compare",
    Status.ALTERED: "the log was altered",
    Status.DIFFERS: "the derivation differs",
    Status.UNUSABLE: "no verdict, because a checkpoint of yours cannot be used",
}


PARTNER_HEADLINES: Mapping[Status, str] = {
    **HEADLINES,
    Status.WITNESSED: "witnessed; what it contains is proved, and nothing was re-derived",
    Status.NOT_WITNESSED: "what it contains is proved, not witnessed; nothing was re-derived",
    Status.SPLIT_VIEW_POSSIBLE: "what it contains is proved, but a split view is possible; nothing was re-derived",
    Status.NO_EARLIER_CHECKPOINT: (
        "what it contains is proved, but there is no earlier checkpoint to compare; nothing was re-derived"
    ),
}
"""Of the export of one partner, which lacks the facts of others that a derivation needs."""


class Finding(NamedTuple):
    """What is wrong, where it shows first.

    `log`: facts, compliance or claims. `position`: in that log, from 1; None if no position is at fault.
    """

    status: Status
    sentence: str
    log: str = ""
    position: int | None = None
    rule: str = ""
    fact_ids: tuple[str, ...] = ()


class FoundError(Exception):
    """Ends a verification with a finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding
