"""`sagecert demo`: everything on one address, with a story to explore."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from services.cli.failures import one_sentence
from services.cli.options import data_directory_option, port_option
from services.cli.output import announce, progress
from services.demo import Caller, CallFailed, Told, tell

HOST = "127.0.0.1"


@click.command()
@port_option(8000)
@data_directory_option
def demo(port: int, data_directory: Path) -> None:
    """Run everything, with a story to explore.

    Half a year of a few partners, learned as it would have been, in a sandbox. Told once for each data directory.
    """
    with one_sentence():
        from services.cli.settings import SystemSettings
        from services.cli.system import start

        settings = SystemSettings()

        def ready(origin: str) -> None:
            threading.Thread(target=_tell_and_show, args=(origin, settings.key), daemon=True).start()

        start(settings, HOST, port, data_directory, True, ready)


def _tell_and_show(origin: str, key: str | None) -> None:
    present = datetime.now(UTC).replace(microsecond=0)
    try:
        told = tell(Caller(origin, key), present, progress)
    except (CallFailed, OSError) as problem:
        progress(f"The story could not be told: {problem}")
        return
    click.echo(_OTHER if told is Told.SOMETHING_ELSE else commands(origin, key, present))
    announce(origin)


_OTHER = "This sandbox holds something else than the story; start with another --data-dir to have it told."


def commands(origin: str, key: str | None, present: datetime) -> str:
    """Commands to paste, with what they show."""
    curl = "curl -s" + (' -H "Authorization: Bearer $SAGECERT_API_KEY"' if key else "")
    day = f"at={present - timedelta(days=9):%Y-%m-%d}T12:00:00Z"
    selling = "partners/oldmill/authorisations/S200P?customer=new"
    asked = (
        ("Harbour lost a consultant; two days are left to replace her", "partners/harbour/compliance/S200P"),
        ("Old Mill replaced nobody in time: it may not sell to new customers", selling),
        ("Cedar is suspended today ...", "partners/cedar/compliance/S200P"),
        ("... which nobody knew nine days ago", f"partners/cedar/compliance/S200P?{day}&known_{day}"),
        ("... though it is known now to have been so then", f"partners/cedar/compliance/S200P?{day}"),
        ("Jude's certification lapsed with the portal change", "consultants/jude/certifications/S200S"),
        ("Everything that happened at Northgate, with Ben's corrected score", "partners/northgate/timeline"),
        ("Who has to act, soonest deadline first", "windows?status=open"),
        ("Every suspension, as subscribers were told of it", "events?type=selling-suspended"),
    )
    lines = [f"# {what}\n{curl} '{origin}/compliance/v1/{path}'" for what, path in asked]
    joiner = f"""# Let Harbour hire Olga, who is certified, and ask the first question again: the window is closed
{curl} '{origin}/certification/v1/partners/harbour/consultants' -H 'Idempotency-Key: mine-1' \\
  -H 'Content-Type: application/json' -d '{{"consultant_id": "olga"}}'"""
    return "\n".join(("", "# Paste these; with | python3 -m json.tool the answers read better.", *lines, joiner, ""))
