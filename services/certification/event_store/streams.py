"""In which stream a fact lies, and whom it is about, as its class declares it."""

from services.certification.domain.fact_report import StatedScore
from services.certification.event_store.append_request import Routing
from shared.events.facts import PARTNER, REGISTRATION, AboutPortalChange, AboutRegistration, FactData, PolicyRevised


def registration_stream(registration_id: str) -> str:
    """The stream of an exam registration."""
    return REGISTRATION.prefix + registration_id


def partner_stream(partner_id: str) -> str:
    """The stream of a partner."""
    return PARTNER.prefix + partner_id


def stream_of(data: AboutRegistration | StatedScore | AboutPortalChange | PolicyRevised) -> str:
    """The stream of a registration, portal change or policy: what uses its id lies there."""
    return _stream_id(data)


def routing_of(data: FactData, consultant_id: str | None, voided: Routing | None) -> Routing:
    """Where the fact lies and whom it is about.

    `consultant_id`: whose the registration of a score is; None while it is not recorded, or voided.
    `voided`: the routing of the fact that a void voids, which becomes its own.
    """
    if data.stream is None:
        assert voided is not None, "a void lies in the stream of the fact that it voids"
        return voided
    return Routing(
        originator_id=_stream_id(data),
        partner_id=getattr(data, "partner_id", None),
        into_partner_id=getattr(data, "into", None),
        consultant_id=getattr(data, "consultant_id", consultant_id if data.stream is REGISTRATION else None),
    )


def _stream_id(data: FactData | StatedScore) -> str:
    assert data.stream is not None, "a void has no stream of its own"
    own_id: str = getattr(data, data.stream.id_field)
    return data.stream.prefix + own_id
