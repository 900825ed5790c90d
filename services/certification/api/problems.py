"""The problem type of each refusal of the certification service, in one table."""

from typing import Final

from services.certification.domain.refusals import (
    AlreadyVoided,
    AnotherScoreRecorded,
    CorrectedDueDayTooEarly,
    DatedInTheFuture,
    DueBeforeAnnouncement,
    KnownInTheFuture,
    LinkedAtThatInstant,
    MergedIntoItself,
    NoSuchAttempt,
    NoSuchScore,
    NoTermCorrected,
    NotFound,
    NotReady,
    NotVoidable,
    OtherContentRecorded,
    Overloaded,
    RevisedBeforeRecording,
    TooManyLinks,
    Unavailable,
)
from services.web.problem_details import DATABASE_UNAVAILABLE, KNOWN_IN_THE_FUTURE, SHARED, ProblemTable, ProblemType

PROBLEMS: Final[ProblemTable] = {
    **SHARED,
    NoSuchAttempt: ProblemType(422, "no-such-attempt", "No such attempt"),
    NoSuchScore: ProblemType(422, "no-such-score", "No such score"),
    DatedInTheFuture: ProblemType(422, "dated-in-the-future", "Corrections and voids are not dated in the future"),
    MergedIntoItself: ProblemType(422, "merged-into-itself", "A partner cannot be merged into itself"),
    DueBeforeAnnouncement: ProblemType(422, "due-before-announcement", "Due before its announcement"),
    RevisedBeforeRecording: ProblemType(422, "revised-before-recording", "A revision never takes effect in the past"),
    CorrectedDueDayTooEarly: ProblemType(
        422, "corrected-due-day-too-early", "Due before the announcement or the correction"
    ),
    NoTermCorrected: ProblemType(422, "no-term-corrected", "The correction corrects nothing"),
    NotVoidable: ProblemType(422, "not-voidable", "This fact cannot be voided"),
    KnownInTheFuture: KNOWN_IN_THE_FUTURE,
    AnotherScoreRecorded: ProblemType(409, "another-score-recorded", "The attempt has another score"),
    OtherContentRecorded: ProblemType(409, "other-content-recorded", "The id stands for other content"),
    LinkedAtThatInstant: ProblemType(409, "linked-at-that-instant", "The person is linked at that very instant"),
    AlreadyVoided: ProblemType(409, "already-voided", "The fact is already voided"),
    TooManyLinks: ProblemType(422, "too-many-links", "Too many links to state all of them"),
    NotFound: ProblemType(404, "not-found", "Not found"),
    Unavailable: DATABASE_UNAVAILABLE,
    NotReady: ProblemType(503, "not-ready", "Facts cannot be recorded at present"),
    Overloaded: ProblemType(503, "overloaded", "Too many calls wait"),
}
