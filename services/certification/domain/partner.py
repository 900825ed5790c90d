"""Facts about partners. None depends on an earlier one: they arrive in any order (R35)."""

from datetime import datetime
from typing import assert_never

from services.certification.domain.fact_report import FactReport, Recorded
from services.certification.domain.refusals import MergedIntoItself
from shared.events.facts import (
    AboutPartner,
    ConsultantLeft,
    ConsultantLinked,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnerProgrammeChanged,
    PartnersMerged,
)


def decide(report: FactReport, data: AboutPartner, now: datetime) -> Recorded:
    """Accepts every fact about a partner but one that contradicts itself.

    Raises `MergedIntoItself` (R29).
    """
    match data:
        case PartnersMerged(partner_id, into) if partner_id == into:
            raise MergedIntoItself(f"Partner {partner_id} cannot be merged into itself.")
        case (
            PartnerEnrolled()
            | PartnerKindChanged()
            | PartnerProgrammeChanged()
            | PartnerClosed()
            | PartnersMerged()
            | ConsultantLinked()
            | ConsultantLeft()
        ):
            return Recorded(report.fact(now))
        case _:
            assert_never(data)
