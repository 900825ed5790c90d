"""The refusals of compliance; `services.compliance.api.problems` says how each is answered."""

from services.web.refusal import Refusal


class NeverMentioned(Refusal):
    """No fact known by then mentions the id."""


class InvalidQuery(Refusal):
    """The parameters contradict each other, or name something that does not exist."""


class KnownInTheFuture(Refusal):
    """`known_at` is in the future."""


class NeverRecordedSo(Refusal):
    """A hypothetical fact could never be recorded so."""
