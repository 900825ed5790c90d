"""The problem type of each refusal of the certification service, in one table."""

from typing import Final

from services.certification.domain import refusals
from services.web.problem_details import DATABASE_UNAVAILABLE, KNOWN_IN_THE_FUTURE, SHARED, ProblemTable, ProblemType

PROBLEMS: Final[ProblemTable] = {
    **SHARED,
    refusals.NoSuchAttempt: ProblemType(422, "no-such-attempt", "No such attempt"),
    refusals.NoSuchScore: ProblemType(422, "no-such-score", "No such score"),
    refusals.DatedInTheFuture: ProblemType(
        422, "dated-in-the-future", "Corrections and voids are not dated in the future"
    ),
    refusals.MergedIntoItself: ProblemType(422, "merged-into-itself", "A partner cannot be merged into itself"),
    refusals.DueBeforeAnnouncement: ProblemType(422, "due-before-announcement", "Due before its announcement"),
    refusals.RevisedBeforeRecording: ProblemType(
        422, "revised-before-recording", "A revision never takes effect in the past"
    ),
    refusals.CorrectedDueDayTooEarly: ProblemType(
        422, "corrected-due-day-too-early", "Due before the announcement or the correction"
    ),
    refusals.NoTermCorrected: ProblemType(422, "no-term-corrected", "The correction corrects nothing"),
    refusals.NotVoidable: ProblemType(422, "not-voidable", "This fact cannot be voided"),
    refusals.KnownInTheFuture: KNOWN_IN_THE_FUTURE,
    refusals.AnotherScoreRecorded: ProblemType(409, "another-score-recorded", "The attempt has another score"),
    refusals.OtherContentRecorded: ProblemType(409, "other-content-recorded", "The id stands for other content"),
    refusals.LinkedAtThatInstant: ProblemType(
        409, "linked-at-that-instant", "The person is linked at that very instant"
    ),
    refusals.AlreadyVoided: ProblemType(409, "already-voided", "The fact is already voided"),
    refusals.TooManyLinks: ProblemType(422, "too-many-links", "Too many links to state all of them"),
    refusals.NotFound: ProblemType(404, "not-found", "Not found"),
    refusals.Unavailable: DATABASE_UNAVAILABLE,
    refusals.NotReady: ProblemType(503, "not-ready", "Facts cannot be recorded at present"),
    refusals.Overloaded: ProblemType(503, "overloaded", "Too many calls wait"),
}
