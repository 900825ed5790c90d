"""Which partners a revision of the policy can concern, by indexes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.compliance.database import Connection
from services.compliance.policy.counting_partner import Changed
from services.compliance.read_model.routing import topics
from services.web.statements import statements
from shared.events.envelope import Fact
from shared.events.facts import Kind, PartnerEnrolled, PartnerKindChanged, PartnerProgrammeChanged
from shared.events.wire import decode

_SQL: Final = statements(
    __file__,
    of_kind=topics(PartnerEnrolled, PartnerKindChanged),
    # A partner of a known kind can be in no programme: what it would have to be in is a reason, too.
    of_programme=topics(PartnerEnrolled, PartnerKindChanged, PartnerProgrammeChanged),
)


async def partners_to_revise(
    connection: Connection,
    after: str,
    through: int,
    kinds: Sequence[Kind],
    kept_programmes: Sequence[str] | None,
    days: Sequence[Changed],
    partners_max: int,
) -> list[str]:
    """The first partners after `after`, in order, of which any fact gives one of these kinds, or another programme than
    these, or none (None: no matter), or of which a window opens in these times.
    """
    rows = await connection.fetch(
        _SQL["to_revise"], after, through, kinds, kept_programmes, *_columns(days), partners_max
    )
    return [row["partner_id"] for row in rows]


async def partners_with_windows(
    connection: Connection, partner_ids: Sequence[str], days: Sequence[Changed]
) -> set[str]:
    """Those of these partners of which a window opens in these times."""
    rows = await connection.fetch(_SQL["with_windows"], partner_ids, *_columns(days)) if days else ()
    return {row["partner_id"] for row in rows}


async def facts_of_enrolment(
    connection: Connection, partner_ids: Sequence[str], through: int
) -> list[tuple[str, Fact]]:
    """The facts about these partners as such, with their voids: by partner, then in log order."""
    rows = await connection.fetch(_SQL["of_enrolment"], partner_ids, through)
    return [
        (row["partner_id"], decode(row["topic"], row["state"], row["notification_id"], row["append_position"]))
        for row in rows
    ]


def _columns(times: Sequence[Changed]) -> tuple[list[datetime], list[datetime | None]]:
    return [changed.since for changed in times], [changed.through for changed in times]
