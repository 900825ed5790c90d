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
    """The endpoint has not received the event yet, or its filter leaves it out."""

    def __init__(self, why: str) -> None:
        super().__init__(why, "event_id")


class NotActive(Refusal):
    """The endpoint is paused or disabled."""

    def __init__(self, state: str) -> None:
        super().__init__(f'The endpoint is {state}: resume it with PATCH {{"state": "active"}}.', "endpoint_id")


class OtherRevision(Refusal):
    """The endpoint has changed since the caller read it."""

    def __init__(self, tag: str) -> None:
        super().__init__(f"The endpoint was changed: its ETag is {tag} now. Get it, and decide again.", "if-match")


class StartOutOfRange(Refusal):
    """The log does not reach this position or instant, or no message can begin there."""


class TooManySecrets(Refusal):
    """The endpoint has as many active secrets as it may have."""


class SecretLost(Refusal):
    """No configured key opens the secret of the endpoint."""
