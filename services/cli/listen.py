"""`sagecert listen`."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from services.cli.error_messages import friendly_errors
from services.cli.kept_secret import keep
from services.cli.options import api_key_option, data_directory_for, json_option, url_option

if TYPE_CHECKING:
    from services.cli.feed_client import Feed, FeedEvent
    from services.compliance.webhooks.outcome import Outcome
    from services.compliance.webhooks.signing import Signer
    from services.compliance.webhooks.transport.http_post import Sender

FIRST_WAIT_SECONDS: Final = 1.0
WAIT_SECONDS_MAX: Final = 30.0
_GONE: Final = 410
_EVERYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_TOLERANCE: Final = timedelta(minutes=5)
"""Libraries of Standard Webhooks refuse what is stamped further from their clock."""


@click.command()
@click.option("--forward-to", "target", required=True, metavar="URL", help="Where each event is posted.")
@click.option("--type", "types", multiple=True, help="Only this type, such as selling-suspended; may be repeated.")
@click.option("--partner", "partner_ids", multiple=True, help="Only about this partner; may be repeated.")
@click.option("--product", "products", multiple=True, help="Only about this product; may be repeated.")
@click.option("--no-history", is_flag=True, help="Leave out events that follow from facts loaded afterwards.")
@click.option(
    "--after", type=click.IntRange(0, 2**53 - 1), help="Begin after this position; without it, with the next event."
)
@click.option(
    "--secret", envvar="SAGECERT_LISTEN_SECRET", help="Sign with this secret (whsec_…) instead of the stored one."
)
@click.option("--print-secret", is_flag=True, help="Print the secret and exit.")
@click.option("--wall-clock", is_flag=True, help="In a sandbox, stamp with the time of this machine.")
@data_directory_for("Directory that holds the secret.")
@url_option
@api_key_option
@json_option
def listen(
    target: str,
    types: tuple[str, ...],
    partner_ids: tuple[str, ...],
    products: tuple[str, ...],
    no_history: bool,
    after: int | None,
    secret: str | None,
    print_secret: bool,
    wall_clock: bool,
    data_directory: Path,
    url: str,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Forward compliance events to a receiver on this machine, signed like webhooks. Needs no setting.

    The events come from the feed of a running system, and need no more than a key that may read. A message waits until
    the one before is accepted with 2xx; it is repeated after 1 second, then 2, up to 30. 410 ends the command.
    """
    with friendly_errors():
        from services.cli.feed_client import Feed, FeedFilter, wall_now
        from services.compliance.webhooks.signing import Signer
        from services.compliance.webhooks.transport.urls import UnacceptableUrl, check_url
        from services.host.run_until_signal import run_until_drained

        try:
            target = check_url(target, plain_http=True, networks=_EVERYWHERE)
        except UnacceptableUrl as problem:
            raise click.BadParameter(f"{problem}.", param_hint="--forward-to") from problem
        text = secret or _kept_secret(data_directory / "listen-secret")
        try:
            signer = Signer([_secret_bytes(text)])
        except ValueError as problem:
            raise click.BadParameter("give whsec_ and 24 to 64 bytes in base64.", param_hint="--secret") from problem
        if print_secret:
            click.echo(text)
            return
        output = _Output(as_json=as_json, target=target, secret=text)
        feed = Feed(url, api_key, FeedFilter(types, partner_ids, products, not no_history))
        run_until_drained(_forward(feed, after, _Receiver(target, signer, wall_now, wall_clock=wall_clock), output))


class _Receiver(NamedTuple):
    """`now`: the clock of this machine; `wall_clock`: messages are stamped with it in a sandbox, too."""

    url: str
    signer: "Signer"
    now: Callable[[], datetime]
    wall_clock: bool


async def _forward(feed: "Feed", after: int | None, receiver: _Receiver, output: "_Output") -> None:
    from services.cli.feed_client import Unavailable
    from services.compliance.webhooks.transport.http_post import Sender

    async with feed, Sender(networks=_EVERYWHERE, plain_http=True, clock=receiver.now) as sender:
        try:
            end = await feed.end()
            start = end if after is None else after
            if feed.sandbox and not receiver.wall_clock:
                output.warn_about_clock(await feed.sandbox_now(), receiver.now())
        except Unavailable as problem:
            raise click.ClickException(f"{problem}. Is it running? Name another with --url.") from problem
        output.ready(start)
        sequence = 0
        async for event in feed.events(start, output.lost):
            sequence += 1
            if not await _deliver(feed, sender, receiver, event, sequence, output):
                return


async def _deliver(
    feed: "Feed", sender: "Sender", receiver: _Receiver, event: "FeedEvent", sequence: int, output: "_Output"
) -> bool:
    """Posts the event until it is accepted, numbered as in a first epoch. Returns whether to go on."""
    from services.cli.feed_client import Unavailable
    from services.compliance.cloud_event import MEDIA_TYPE

    body = event.body.rstrip()[:-1] + b',"epoch":1,"sequence":%d}' % sequence
    wait_seconds = FIRST_WAIT_SECONDS
    while True:
        try:
            stamped = feed.sandbox and not receiver.wall_clock
            now = await feed.sandbox_now() if stamped else receiver.now()
        except Unavailable as problem:
            output.lost(str(problem))
        else:
            headers = receiver.signer.headers(event.id, now, body)
            outcome = await sender.post(receiver.url, headers, body, MEDIA_TYPE)
            gone = outcome.error is None and outcome.status == _GONE
            output.sent(event, outcome, None if outcome.delivered or gone else wait_seconds)
            if outcome.delivered or gone:
                return not gone
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(2 * wait_seconds, WAIT_SECONDS_MAX)


class _Output:
    """Events on stdout, a line each; everything else on stderr. With JSON the first line says what is signed with."""

    def __init__(self, *, as_json: bool, target: str, secret: str) -> None:
        self._as_json = as_json
        self._target = target
        self._secret = secret

    def ready(self, after: int) -> None:
        if self._as_json:
            self._print({"forward_to": self._target, "after": after, "secret": self._secret})
        else:
            click.echo(
                f"Ready: events after position {after} are forwarded to {self._target}. "
                f"Your signing secret is {self._secret}. Ctrl-C stops."
            )

    def sent(self, event: "FeedEvent", outcome: "Outcome", wait_seconds: float | None) -> None:
        if self._as_json:
            shown = {"position": event.position, "event_id": event.id, "type": event.type, "partner_id": event.subject}
            result = {name: getattr(outcome, name) for name in ("delivered", "status", "error", "duration_ms")}
            self._print({**shown, **result, "retry_in_seconds": wait_seconds})
            return
        name = event.type.removeprefix("com.sage.partnercloud.").rpartition(".")[0]
        answer = outcome.error or f"{outcome.status}"
        again = "" if wait_seconds is None else f"; again in {wait_seconds:g} s"
        click.echo(f"{event.position:>8}  {name}  {event.subject}  -> {answer} ({outcome.duration_ms} ms){again}")

    def warn_about_clock(self, sandbox: datetime, here: datetime) -> None:
        if abs(sandbox - here) > _TOLERANCE:
            click.echo(
                f"The sandbox clock shows {sandbox:%Y-%m-%dT%H:%M:%SZ}, and messages are stamped with it: a library "
                "that compares with the time of this machine refuses them, unless you give --wall-clock.",
                err=True,
            )

    def lost(self, reason: str) -> None:
        click.echo(f"waiting: {reason}", err=True)

    @staticmethod
    def _print(line: dict[str, object]) -> None:
        click.echo(json.dumps(line))


def _kept_secret(kept: Path) -> str:
    """The secret in the file; made once, so that a receiver is configured once. Raises `click.ClickException`."""
    from services.compliance.webhooks.signing import new_secret, secret_text

    try:
        if not kept.exists():
            keep(kept, secret_text(new_secret()).encode())
        return kept.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise click.ClickException(
            f"The secret cannot be kept in {kept}: name another --data-dir, or give one with --secret."
        ) from problem


def _secret_bytes(text: str) -> bytes:
    """Raises `ValueError` for what is not a secret of Standard Webhooks."""
    from base64 import b64decode

    secret = b64decode(text.removeprefix("whsec_"), validate=True)
    if not text.startswith("whsec_") or not 24 <= len(secret) <= 64:
        raise ValueError("no secret")
    return secret
