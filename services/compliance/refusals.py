"""Why a question about compliance is not answered; `services.compliance.api.problems` says how each is answered."""

from services.web.refusal import Refusal


class NeverMentioned(Refusal):
    """No fact known by then mentions the id."""


class InvalidQuery(Refusal):
    """The parameters contradict each other, or name what there is not."""


class KnownInTheFuture(Refusal):
    """`known_at` lies after now."""


class NeverRecordedSo(Refusal):
    """A supposed fact says what no recorded fact can say."""
