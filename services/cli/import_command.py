"""`sagecert import`."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from services.cli.error_messages import friendly_errors
from services.cli.options import (
    api_key_option,
    json_option,
    mapped_files,
    require_distinct_files,
    table_options,
    url_option,
)
from services.cli.progress_and_address import progress_bar, waiting

if TYPE_CHECKING:
    from services.cli.imports.batch_client import BatchClient, LineAnswer
    from services.cli.imports.import_spool import ImportSpool, Outcome, Result
    from services.cli.imports.mapping import ImportMapping

SENT_TOGETHER: Final = 500
"""Lines of one batch: some seconds of work, so that the progress is seen and little is sent again."""
SOMETHING_REFUSED: Final = 3
"""The exit status where a row or a fact was refused."""
STOPPED: Final = 130
"""The exit status after Ctrl-C, as of a shell."""
SHOWN_MAX: Final = 10
REPORT_COLUMNS: Final = (
    "file", "row", "fact", "result", "status", "path", "idempotency_key", "fact_id", "position", "detail",
)  # fmt: skip


@click.command("import")
@table_options(
    mapping="What the rows become; one for all files, or one for each in their order.",
    report="Write what became of each row, as CSV.",
)
@click.option(
    "--history", is_flag=True, help="Mark the facts as loaded afterwards, for subscribers who leave them out."
)
@click.option("--dry-run", is_flag=True, help="Record nothing, and say what would be refused.")
@url_option
@api_key_option
@json_option
def import_(
    files: tuple[Path, ...],
    mappings: tuple[Path, ...],
    history: bool,
    dry_run: bool,
    report: Path | None,
    url: str,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Record facts from FILES: CSV, NDJSON or Parquet, as --mapping says.

    All files are read first. Then their facts are sent in the order of `effective_at`, whichever file they are from.
    After an interruption, run the same command again: no fact is recorded twice. Ends with status 3 where rows or
    facts were refused; all others are recorded.
    """
    with friendly_errors():
        require_distinct_files(files, mappings, report)
        from services.cli.imports.batch_client import BatchClient
        from services.cli.imports.import_spool import ImportSpool

        tables = mapped_files(files, mappings)
        client = BatchClient(url, api_key, history=history, validate_only=dry_run, on_wait=waiting)
        if report is not None:
            report.touch()
        with ImportSpool() as spool:
            try:
                _read(spool, tables)
                _send(spool, client, dry_run)
            except KeyboardInterrupt:
                click.echo("Stopped; the same command goes on.", err=True)
                sys.exit(STOPPED)
            finally:
                if report is not None:
                    _write_report(spool, report, files)
            _summarise(spool, files, dry_run, as_json)


def _read(spool: "ImportSpool", tables: "Sequence[tuple[Path, ImportMapping]]") -> None:
    from services.cli.imports.table import RowProblem
    from services.cli.imports.table_reader import read_table

    size = sum(path.stat().st_size for path, _ in tables)
    with progress_bar("reading", size) as bar:
        for number, (path, mapping) in enumerate(tables):
            for row in read_table(path, mapping, bar.update):
                if isinstance(row, RowProblem):
                    spool.add_problem(number, row)
                    continue
                facts = list(mapping.facts_of(row))
                for fact in facts:
                    if isinstance(fact, RowProblem):
                        spool.add_problem(number, fact)
                    else:
                        spool.add(number, fact)
                if not facts:
                    spool.add_without_fact(number, row.number)


def _send(spool: "ImportSpool", client: "BatchClient", dry_run: bool) -> None:
    from services.cli.imports.batch_client import BYTES_MAX, LINES_MAX

    together = LINES_MAX if dry_run else SENT_TOGETHER
    with progress_bar("checking" if dry_run else "recording", spool.unsent()) as bar:
        for batch in spool.batches(together, BYTES_MAX):
            answers = client.send([line.line for line in batch])
            spool.record_outcomes([(line.place, _outcome(answer)) for line, answer in zip(batch, answers, strict=True)])
            bar.update(len(batch))


def _outcome(answer: "LineAnswer") -> "Outcome":
    from services.cli.imports.batch_client import refusal_text
    from services.cli.imports.import_spool import Outcome

    if answer.status >= 300:
        return Outcome("refused", answer.status, answer.body.get("fact_id"), None, refusal_text(answer))
    result: Result = "replayed" if answer.replayed else "held" if answer.status == 202 else "recorded"
    warnings = "; ".join(warning["text"] for warning in answer.body.get("warnings", ()))
    return Outcome(result, answer.status, answer.body["fact_id"], answer.body["position"] or None, warnings or None)


def _write_report(spool: "ImportSpool", path: Path, files: Sequence[Path]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(REPORT_COLUMNS)
        for row in spool.report():
            result, status, *rest = row.outcome
            place = (files[row.file], row.row, row.fact or None)
            writer.writerow(map(_safe, (*place, result, status, row.path, row.idempotency_key, *rest)))


def _safe(value: object) -> object:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _summarise(spool: "ImportSpool", files: Sequence[Path], dry_run: bool, as_json: bool) -> None:
    counts = spool.counts()
    if as_json:
        click.echo(json.dumps({name.replace(" ", "_"): count for name, count in counts.items()}))
    else:
        click.echo("; ".join(_sentences(counts, dry_run)) + ".")
    for row in spool.report("refused", SHOWN_MAX):
        click.echo(f"{files[row.file]}, row {row.row}: {row.outcome.detail}", err=True)
    if counts["refused"] > SHOWN_MAX:
        click.echo(f"{counts['refused'] - SHOWN_MAX} more were refused: --report names them all.", err=True)
    if counts["refused"]:
        sys.exit(SOMETHING_REFUSED)


def _sentences(counts: "dict[Result, int]", dry_run: bool) -> Iterator[str]:
    would = " would be" if dry_run else ""
    yield f"{counts['recorded'] + counts['held']:,} facts{would} recorded"
    if counts["held"]:
        yield f"{counts['held']:,} of them wait for another"
    yield f"{counts['replayed']:,} were recorded before"
    yield f"{counts['refused']:,}{would} refused"
    if counts["no fact"]:
        yield f"{counts['no fact']:,} rows are not facts"
