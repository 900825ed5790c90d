"""`sagecert audit what-if`."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from services.cli.error_messages import friendly_errors
from services.cli.options import InstantType, json_option, running_data_directory_option
from services.cli.progress_and_address import progress_bar

if TYPE_CHECKING:
    from services.compliance.policy.hypothetical_policy import WhatIfDifference
    from services.compliance.what_ifs.messages import WhatIf


class _DayOrInstant(InstantType):
    """An instant with an offset, or a London day, which stands for the midnight that begins it."""

    unlike = "is neither a day (2026-01-01) nor an instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Fails for anything else."""
        from shared.events.london import LONDON

        try:
            return datetime.combine(date.fromisoformat(value), datetime.min.time(), LONDON).astimezone(UTC)
        except (TypeError, ValueError):
            return super().convert(value, param, ctx)


class _Minimum(click.ParamType[tuple[str, int]]):
    """KIND=PEOPLE, such as VAR=3."""

    name = "kind=people"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        kind, _, people = str(value).partition("=")
        if kind not in ("VAR", "DEVELOPER") or not people.isdecimal() or not 1 <= int(people) <= 99:
            self.fail(f"{value} is not VAR=3 or DEVELOPER=2: a kind and a number from 1 to 99", param, ctx)
        return kind, int(people)


@click.command("what-if")
@click.option("--window-days", type=click.IntRange(1, 366), help="London days to replace a missing consultant.")
@click.option("--minimum", type=_Minimum(), multiple=True, help="Counted consultants to keep; once for each kind.")
@click.option(
    "--programme", "programmes", multiple=True, metavar="CODE", help="An eligible programme; name all of them."
)
@click.option("--from", "since", type=_DayOrInstant(), help="From when the terms hold; without it, from the beginning.")
@click.option("--at", type=_DayOrInstant(), help="The instant at which standings are compared; without it, now.")
@click.option("--known-at", type=_DayOrInstant(), help="Use only the facts recorded by this instant.")
@click.option("--processes", type=click.IntRange(1, 1024), help="Without it one for each processor.")
@running_data_directory_option
@json_option
def what_if(
    window_days: int | None,
    minimum: tuple[tuple[str, int], ...],
    programmes: tuple[str, ...],
    since: datetime | None,
    at: datetime | None,
    known_at: datetime | None,
    processes: int | None,
    data_directory: Path,
    as_json: bool,
) -> None:
    """Replay the whole history under another policy, and name every partner that would have another standing.

    Changes nothing. A term that is not given stays as it is. Uses all cores at the lowest priority. Reads the database
    that SAGECERT_OWNER_DATABASE_URL names, or that of a running `sagecert up`. With --json a line for each difference.
    """
    if window_days is None and not minimum and not programmes:
        raise click.UsageError("A what-if gives --window-days, --minimum or --programme.")
    with friendly_errors():
        from services.compliance.historical_answers.questions import AsOfMembers
        from services.compliance.policy.hypothetical_policy import FROM_EVER, HypotheticalRevision
        from services.compliance.what_ifs.messages import WhatIf
        from shared.events.facts import Minimum

        least = dict(minimum)
        revision = HypotheticalRevision(
            window_days,
            Minimum(least.get("VAR"), least.get("DEVELOPER")) if least else None,
            programmes or None,
            since or FROM_EVER,
        )
        asyncio.run(_show(WhatIf(revision, AsOfMembers(at, known_at)), processes, data_directory, as_json))


async def _show(asked: "WhatIf", processes: int | None, data_directory: Path, as_json: bool) -> None:
    import os

    import msgspec

    from services.cli.database_url import owner_url
    from services.compliance.historical_answers.questions import WorkerSettings
    from services.compliance.policy.hypothetical_policy import WhatIfDifference
    from services.compliance.settings import ComplianceSettings
    from services.compliance.what_ifs.messages import NICENESS, Begun, Progressed
    from services.compliance.what_ifs.run import run

    url = owner_url(data_directory)
    settings = ComplianceSettings(database_url=url)
    connected = WorkerSettings(os.getpid(), NICENESS, 60.0, url, None, settings.database_schema, settings.products)
    differing = partners = 0
    with progress_bar("replaying", 0) as bar:
        async for report in run(connected, asked, processes or os.cpu_count() or 1):
            match report:
                case Begun(partners=expected):
                    bar.length = expected
                case Progressed(done, differences):
                    partners += done
                    differing += len(differences)
                    bar.update(done)
                    for encoded in differences:
                        difference = msgspec.json.decode(encoded, type=WhatIfDifference)
                        click.echo(encoded.decode() if as_json else _line(difference))
    click.echo(f"{differing} standings of {partners} partners would be otherwise; nothing was changed.", err=True)


def _line(difference: "WhatIfDifference") -> str:
    actual, hypothetical = difference.actual, difference.hypothetical
    change = actual.status if actual.status == hypothetical.status else f"{actual.status} -> {hypothetical.status}"
    why = hypothetical.reasons[0]
    return f"{difference.partner_id} {difference.product}: {change} ({why.rule}: {why.text})"
