"""Refusals of calls about webhook endpoints."""

from services.web.refusal import Refusal


class NoSuchEndpoint(Refusal):
    """No endpoint has the id, or it was deleted."""

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(f"There is no webhook endpoint {endpoint_id}.", "endpoint_id")


class NoSuchEvent(Refusal):
    """No compliance event has the id."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"There is no compliance event {event_id}.", "event_id")


class NotResendable(Refusal):
    """The endpoint is still to get the event, or is not to get it at all."""

    def __init__(self, why: str) -> None:
        super().__init__(why, "event_id")


class NotActive(Refusal):
    """Nothing is tried: the endpoint is paused or disabled."""

    def __init__(self, state: str) -> None:
        super().__init__(f'The endpoint is {state}: have it go on with PATCH {{"state": "active"}}.', "endpoint_id")


class OtherRevision(Refusal):
    """The endpoint is no longer what the caller has seen."""

    def __init__(self, tag: str) -> None:
        super().__init__(f"The endpoint was changed: its ETag is {tag} now. Get it, and decide again.", "if-match")


class StartOutOfRange(Refusal):
    """The log does not reach there, or nothing begins there."""


class TooManySecrets(Refusal):
    """As many secrets sign for the endpoint as may do so at once."""


class SecretLost(Refusal):
    """No key that is set opens the secret of the endpoint."""
