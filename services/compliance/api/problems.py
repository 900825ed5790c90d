"""The problem type of each refusal of the compliance service, in one table."""

from typing import Final

from services.compliance.historical_answers.pool import TakesTooLong, TooManyQuestions
from services.compliance.refusals import InvalidQuery, KnownInTheFuture, NeverMentioned, NeverRecordedSo
from services.compliance.webhooks import refusals as webhooks
from services.compliance.what_ifs.kept import NoSuchWhatIf, TooManyWhatIfs, WhatIfsOff
from services.web.problem_details import KNOWN_IN_THE_FUTURE, MALFORMED, SHARED, ProblemTable, ProblemType
from services.web.refusal import Refusal


class NotAppliedYet(Refusal):
    """The facts up to `min_position` are not applied within the time that a caller waits."""


class NotReady(Refusal):
    """The follower or the dispatcher makes no progress."""


class NotDeliverable(Refusal):
    """No message can or may be sent to the URL."""


class WebhooksOff(Refusal):
    """There is no key to seal secrets with, and so there are no webhooks."""


PROBLEMS: Final[ProblemTable] = {
    **SHARED,
    NeverMentioned: ProblemType(404, "never-mentioned", "Never mentioned in any fact"),
    InvalidQuery: MALFORMED,
    KnownInTheFuture: KNOWN_IN_THE_FUTURE,
    NeverRecordedSo: ProblemType(422, "never-recorded-so", "No fact can be recorded so"),
    NotAppliedYet: ProblemType(503, "not-applied-yet", "Not applied yet"),
    NotReady: ProblemType(503, "not-ready", "Not ready"),
    TooManyQuestions: ProblemType(503, "too-many-questions", "Too many questions wait"),
    TakesTooLong: ProblemType(503, "takes-too-long", "The answer takes too long"),
    TooManyWhatIfs: ProblemType(503, "too-many-what-ifs", "Too many what-ifs wait"),
    WhatIfsOff: ProblemType(503, "what-ifs-off", "What-ifs are off", passes=False),
    NoSuchWhatIf: ProblemType(404, "no-such-what-if", "No such what-if"),
    webhooks.StartOutOfRange: MALFORMED,
    webhooks.NoSuchEndpoint: ProblemType(404, "no-such-endpoint", "No such webhook endpoint"),
    webhooks.NoSuchEvent: ProblemType(404, "no-such-event", "No such compliance event"),
    webhooks.NotResendable: ProblemType(409, "not-resendable", "This event cannot be sent again"),
    webhooks.NotActive: ProblemType(409, "not-active", "The endpoint is not active"),
    webhooks.OtherRevision: ProblemType(412, "precondition-failed", "It was changed meanwhile"),
    NotDeliverable: ProblemType(422, "unacceptable-url", "Nothing may be sent to this URL"),
    webhooks.TooManySecrets: ProblemType(409, "too-many-secrets", "Too many secrets sign at once"),
    webhooks.SecretLost: ProblemType(409, "secret-lost", "No key opens the secret of this endpoint"),
    WebhooksOff: ProblemType(503, "webhooks-off", "Webhooks are off", passes=False),
}
