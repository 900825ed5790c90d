"""In which stream a fact lies, and whom it is about."""

from typing import Final, assert_never

from services.certification.event_store.append_request import Routing
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    CertificationRevoked,
    ConsultantCertified,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    FactData,
    FactVoided,
    MaintenanceCompleted,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnerProgrammeChanged,
    PartnersMerged,
    PortalChangeDeclared,
    RevocationOrdered,
    ScoreCorrected,
)

KINDS: Final = ("consultant-", "exam_registration-", "partner-", "portal_change-")
"""What the id of each stream of facts begins with."""


def registration_stream(registration_id: str) -> str:
    """The stream of an exam registration."""
    return f"exam_registration-{registration_id}"


def stream_of(data: ExamRegistered | AttemptScored | ScoreCorrected | PortalChangeDeclared) -> str:
    """The stream of a registration or portal change: what uses its id lies there."""
    match data:
        case ExamRegistered(registration_id) | AttemptScored(registration_id) | ScoreCorrected(registration_id):
            return registration_stream(registration_id)
        case PortalChangeDeclared(portal_change_id):
            return f"portal_change-{portal_change_id}"
        case _:
            assert_never(data)


def routing_of(data: FactData, consultant_id: str | None, voided: Routing | None) -> Routing:
    """Where the fact lies and whom it is about.

    `consultant_id`: whose the registration of a score is; None while it is not recorded, or voided.
    `voided`: the routing of the fact that a void voids, which becomes its own.
    """
    match data:
        case PartnerEnrolled() | PartnerKindChanged() | PartnerProgrammeChanged() | PartnerClosed():
            return Routing(f"partner-{data.partner_id}", partner_id=data.partner_id)
        case PartnersMerged(partner_id, into):
            return Routing(f"partner-{partner_id}", partner_id=partner_id, into_partner_id=into)
        case ConsultantLinked() | ConsultantLeft():
            return Routing(f"partner-{data.partner_id}", partner_id=data.partner_id, consultant_id=data.consultant_id)
        case (
            CourseCompleted()
            | CertificationRecognised()
            | RevocationOrdered()
            | ConsultantCertified()
            | CertificationRevoked()
            | MaintenanceCompleted()
        ):
            return Routing(f"consultant-{data.consultant_id}", consultant_id=data.consultant_id)
        case ExamRegistered():
            return Routing(stream_of(data), consultant_id=data.consultant_id)
        case AttemptScored() | ScoreCorrected():
            return Routing(stream_of(data), consultant_id=consultant_id)
        case PortalChangeDeclared():
            return Routing(stream_of(data))
        case FactVoided():
            assert voided is not None, "a void lies in the stream of the fact that it voids"
            return voided
        case _:
            assert_never(data)
