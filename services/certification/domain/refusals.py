"""The refusals of certification; `services.certification.api.problems` says how each is answered."""

from services.web.refusal import Refusal

# The rules ---------------------------------------------------------------------------------------


class NoSuchAttempt(Refusal):
    """A registration grants the attempts 1 and 2 (R5)."""

    rule = "R5"


class NoSuchScore(Refusal):
    """A score lies between 0 and 100 per cent (R6)."""

    rule = "R6"


class DatedInTheFuture(Refusal):
    """A correction or void takes effect now or in the past (R36)."""

    rule = "R36"


class MergedIntoItself(Refusal):
    """A partner is merged into another one (R29)."""

    rule = "R29"


class DueBeforeAnnouncement(Refusal):
    """Maintenance cannot be due before it was announced (R25)."""

    rule = "R25"


class RevisedBeforeRecording(Refusal):
    """A policy revision takes effect when it is recorded or later (R39)."""

    rule = "R39"


class CorrectedDueDayTooEarly(Refusal):
    """A corrected due day is neither before the announcement nor before the correction (R38)."""

    rule = "R38"


class NoTermCorrected(Refusal):
    """A correction of a portal change names at least one corrected term (R38)."""

    rule = "R38"


class AnotherScoreRecorded(Refusal):
    """One (registration, attempt) is one score that is not voided (R34)."""

    rule = "R34"


class OtherContentRecorded(Refusal):
    """The id of a registration, portal change or policy stands for other content that is not voided (R34)."""

    rule = "R34"


class LinkedAtThatInstant(Refusal):
    """A departure cannot end a link of the same instant: departures come first, so the person is linked then (R17)."""

    rule = "R17"


class NotVoidable(Refusal):
    """A void, a decision of this service or a fact about the system itself cannot be voided (R33)."""

    rule = "R33"


class AlreadyVoided(Refusal):
    """A void is final; there is nothing left to void (R33)."""

    rule = "R33"


class KnownInTheFuture(Refusal):
    """The instant of knowledge is in the future (R31)."""

    rule = "R31"


# What is not there -------------------------------------------------------------------------------


class NotFound(Refusal):
    """No fact by then mentions it, or it was erased."""


# The store ---------------------------------------------------------------------------------------


class Unavailable(Refusal):
    """The store did not answer in time. Asking again with the same key is safe: it records once."""


class Overloaded(Refusal):
    """Too many calls wait. Asking again with the same key is safe: nothing of this call was begun."""


class TooManyLinks(Refusal):
    """Too many facts say who works for the partner to accept a statement about all of them."""


class NotReady(Refusal):
    """Facts cannot be recorded at present; the detail says why."""
