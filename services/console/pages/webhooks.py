"""Webhooks: the endpoints with their health, and what was sent to each."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from services.console.as_of_view import instant_of
from services.console.page import Page, form, page
from services.console.service_questions import Panel, Refused, path

LIST: Final = "/compliance/v1/webhook-endpoints"
ATTEMPTS: Final = 25
"""Attempts of a page."""
PARKED: Final = 25

_ONE: Final = LIST + "/{}"


async def endpoints(shown: Page) -> Response:
    """The endpoints with health and lag."""
    answer = await shown.ask.panel(LIST, after=shown.query.get("after"), limit=50)
    return shown.render("webhooks.html", endpoints=answer)


async def new(shown: Page) -> Response:
    """The form of a new endpoint."""
    return _registration(shown, {}, None)


async def register(shown: Page) -> Response:
    """Registers an endpoint and shows its secret, this once."""
    given = shown.form
    body = {
        "url": given.get("url", ""),
        "description": given.get("description", ""),
        "start": given.get("start", "now"),
    }
    try:
        made = await shown.ask.post(LIST, body, key=given.get("idempotency_key"))
    except Refused as refused:
        return _registration(shown, given, refused)
    return shown.render("webhook_secret.html", endpoint=made, secret=made.get("secret"), previous_expires_at=None)


def _registration(shown: Page, given: Mapping[str, str], refused: Refused | None) -> Response:
    status = 200 if refused is None else refused.status
    key = given.get("idempotency_key") or shown.new_idempotency_key()
    return shown.render("webhook_new.html", given=given, key=key, refused=refused, status=status)


async def endpoint(shown: Page) -> Response:
    """One endpoint: its health, what can be done, what was sent, what is kept back."""
    return await _endpoint(shown)


async def _endpoint(shown: Page, refused: Refused | None = None) -> Response:
    about = shown.path["endpoint_id"]
    answers = await shown.ask.together(
        endpoint=shown.ask.get(path(_ONE, about)),
        attempts=shown.ask.panel(path(_ONE + "/attempts", about), after=shown.query.get("after"), limit=ATTEMPTS),
        parked=shown.ask.panel(path(_ONE + "/parked", about), after=shown.query.get("parked"), limit=PARKED),
    )
    status = 200 if refused is None else refused.status
    return shown.render("webhook.html", refused=refused, resendable=_resendable(answers), status=status, **answers)


def _resendable(answers: Mapping[str, Any]) -> frozenset[str]:
    """The messages of the attempts shown that hold one event, and can be sent once more by themselves."""
    attempts: Panel = answers["attempts"]
    listed = (attempts.data or {}).get("attempts", ())
    return frozenset(
        attempt["message_id"]
        for attempt in listed
        if attempt["kind"] in ("event", "resend") and attempt["messages"] == 1
    )


def _doing(do: Callable[[Page, str], Awaitable[str]]) -> Callable[[Page], Awaitable[Response]]:
    """Handles a form of the endpoint's page, and shows the page again with the outcome or the refusal."""

    async def take(shown: Page) -> Response:
        about = shown.path["endpoint_id"]
        try:
            said = await do(shown, about)
        except Refused as refused:
            if refused.status == 404:
                raise
            return await _endpoint(shown, refused)
        return shown.redirect(path("/webhooks/{}", about), flash=said)

    take.__name__ = do.__name__
    return take


async def retry(shown: Page, about: str) -> str:
    """Tries at once what waits after a failure."""
    await shown.ask.post(path(_ONE + "/retries", about))
    return "The failed delivery is tried again now."


async def send_test(shown: Page, about: str) -> str:
    """Sends a test message."""
    return _sent("The test message", await shown.ask.post(path(_ONE + "/tests", about)))


async def resend(shown: Page, about: str) -> str:
    """Sends one message once more."""
    body = {"event_id": shown.form.get("event_id", "")}
    return _sent("The message", await shown.ask.post(path(_ONE + "/resends", about), body))


async def replay(shown: Page, about: str) -> str:
    """Sends everything once more from an instant, or from the beginning."""
    since = instant_of(shown.form.get("since"))
    await shown.ask.post(path(_ONE + "/replays", about), {"from": {"at": since} if since else "origin"})
    return "The messages are sent again, with new numbers."


async def release(shown: Page, about: str) -> str:
    """Has parked messages sent again."""
    partner = shown.form.get("partner_id")
    done = await shown.ask.post(path(_ONE + "/releases", about), {"partner_id": partner} if partner else {})
    number = done["released"]
    return f"{number} parked message{'' if number == 1 else 's'} will be sent again."


async def change_state(shown: Page, about: str) -> str:
    """Pauses or resumes the endpoint."""
    state = shown.form.get("state", "")
    await shown.ask.patch(path(_ONE, about), {"state": state})
    return "The endpoint is paused. No event is lost: it continues from here." if state == "paused" else "It is active."


async def rotate(shown: Page) -> Response:
    """Makes a new secret and shows it, this once."""
    about = shown.path["endpoint_id"]
    try:
        made = await shown.ask.post(path(_ONE + "/secret-rotations", about))
    except Refused as refused:
        if refused.status == 404:
            raise
        return await _endpoint(shown, refused)
    found = await shown.ask.get(path(_ONE, about))
    previous = made["previous_expires_at"]
    return shown.render("webhook_secret.html", endpoint=found, secret=made["secret"], previous_expires_at=previous)


def _sent(what: str, outcome: Mapping[str, Any]) -> str:
    if outcome["delivered"]:
        return f"{what} was delivered: {outcome['status']} after {outcome['duration_ms']} ms."
    said = outcome["error"] or f"the endpoint answered {outcome['status']}"
    return f"{what} was not delivered: {said}."


_PAGE: Final = "/webhooks/{endpoint_id}"

ROUTES: Final[tuple[Route, ...]] = (
    page("/webhooks", endpoints, needs="admin"),
    page("/webhooks/new", new, needs="admin"),
    form("/webhooks/new", register),
    page(_PAGE, endpoint, needs="admin"),
    form(_PAGE + "/retry", _doing(retry)),
    form(_PAGE + "/test", _doing(send_test)),
    form(_PAGE + "/resend", _doing(resend)),
    form(_PAGE + "/replay", _doing(replay)),
    form(_PAGE + "/release", _doing(release)),
    form(_PAGE + "/state", _doing(change_state)),
    form(_PAGE + "/rotate", rotate),
)
