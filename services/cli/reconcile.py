"""`sagecert reconcile`."""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from services.cli.error_messages import friendly_errors
from services.cli.options import (
    InstantType,
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
    from services.cli.imports.mapping import ImportMapping
    from services.cli.reconciliation.comparable_facts import Comparable
    from services.cli.reconciliation.reconciliation_spool import Proposal, ReconciliationSpool
    from services.cli.reconciliation.recorded_facts import LogReader

DIFFERENCES: Final = 3
"""The exit status where differences remain."""
SENT_TOGETHER: Final = 1_000
"""Differences of one batch; each has a few lines."""
MADE: Final = "made"
ROWS_MAX: Final = 1 << 40
REPORT_COLUMNS: Final = (
    "difference", "file", "row", "type", "subject", "fact_id", "recorded", "transcript", "meaning", "proposal",
    "outcome",
)  # fmt: skip


@click.command("reconcile")
@table_options(
    mapping="What the rows say, as for `sagecert import`; one for all files, or one for each in their order.",
    report="Write each difference, and what ends it, as CSV.",
)
@click.option("--known-at", type=InstantType(), help="Count only facts recorded by this instant; without it, all.")
@click.option("--apply", is_flag=True, help="Record the proposed reports; without it, nothing is recorded.")
@url_option
@api_key_option
@json_option
def reconcile(
    files: tuple[Path, ...],
    mappings: tuple[Path, ...],
    known_at: datetime | None,
    apply: bool,
    report: Path | None,
    url: str,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Compare a full transcript, FILES, with the facts recorded by the cut-off.

    FILES hold every fact of the types that --mapping names. Finds what is lost, doubled, contradicting or
    surplus, and proposes the missing reports; with --apply it makes them. What is surplus, and rows that contradict
    each other, are only listed. Ends with status 3 while differences remain. Nothing is recorded twice: the same
    command goes on after an interruption.
    """
    with friendly_errors():
        require_distinct_files(files, mappings, report)
        from services.cli.imports.batch_client import BatchClient
        from services.cli.reconciliation.comparable_facts import kinds_of
        from services.cli.reconciliation.reconciliation_spool import ReconciliationSpool
        from services.cli.reconciliation.recorded_facts import LogReader

        tables = mapped_files(files, mappings)
        kinds = frozenset().union(*(kinds_of(mapping) for _, mapping in tables))
        with ReconciliationSpool() as spool:
            _read(spool, tables)
            _compare(spool, kinds, _read_log(spool, LogReader(url, api_key), kinds, known_at))
            if apply:
                _apply(spool, BatchClient(url, api_key, on_wait=waiting))
            if report is not None:
                _write_report(spool, report, files)
            _summarise(spool, applied=apply, as_json=as_json)


def _read(spool: "ReconciliationSpool", tables: "Sequence[tuple[Path, ImportMapping]]") -> None:
    """Takes in the transcript; what cannot be read is a difference."""
    size = sum(path.stat().st_size for path, _ in tables)
    with progress_bar("reading", size) as bar:
        for number, (path, mapping) in enumerate(tables):
            spool.add_stated(_stated(spool, number, path, mapping, bar.update))


def _stated(
    spool: "ReconciliationSpool", file: int, path: Path, mapping: "ImportMapping", on_read: Any
) -> "Iterator[tuple[Comparable, int, str, bytes]]":
    from services.cli.imports.table import RowProblem
    from services.cli.imports.table_reader import read_table
    from services.cli.reconciliation.comparable_facts import from_transcript
    from services.cli.reconciliation.differences import Difference

    for row in read_table(path, mapping, on_read):
        for fact in [row] if isinstance(row, RowProblem) else mapping.facts_of(row):
            if isinstance(fact, RowProblem):
                place = file * ROWS_MAX + fact.row
                spool.add_unreadable(Difference("unreadable", "", "{}", 0, place, None, "", fact.sentence))
            else:
                yield from_transcript(fact), file * ROWS_MAX + fact.row, fact.path, fact.body


def _read_log(
    spool: "ReconciliationSpool", log: "LogReader", kinds: frozenset[str], known_at: datetime | None
) -> datetime | None:
    """Takes in the facts of these kinds. Returns the cut-off: `known_at`, or when the last of them was recorded."""
    from services.cli.reconciliation.comparable_facts import BY_NAME, BY_TOPIC, CORRECTED, SCORED, from_log
    from services.cli.reconciliation.recorded_facts import VOIDED

    wanted = kinds | {CORRECTED.name} if SCORED.name in kinds else kinds
    last: datetime | None = None

    def recorded() -> "Iterator[tuple[Comparable, int, str]]":
        nonlocal last
        for fact in log.facts({BY_NAME[kind].topic for kind in wanted}, known_at):
            last = fact.recorded_at
            if fact.topic == VOIDED:
                spool.add_void(fact.data["fact_id"])
            else:
                yield from_log(BY_TOPIC[fact.topic], fact.data, fact.effective_at), fact.position, fact.fact_id

    spool.add_recorded(recorded())
    spool.leave_out_voided()
    return known_at or last


def _compare(spool: "ReconciliationSpool", kinds: frozenset[str], cut_off: datetime | None) -> None:
    from services.cli.reconciliation.comparable_facts import CORRECTED, microseconds
    from services.cli.reconciliation.differences import differences

    corrections_stated = CORRECTED.name in kinds
    if not corrections_stated:
        spool.keep_corrections_with_scores()
    through = 1 << 62 if cut_off is None else microseconds(cut_off)
    spool.add_differences(
        difference
        for subject in spool.subjects()
        for difference in differences(subject, through, corrections_stated=corrections_stated)
    )


def _apply(spool: "ReconciliationSpool", client: "BatchClient") -> None:
    """Makes what is proposed, earliest first; a void and what takes its place follow each other."""
    with progress_bar("recording", spool.proposed()) as bar:
        for proposals in spool.proposals(SENT_TOGETHER):
            answers = iter(client.send([line for proposal in proposals for line in proposal.lines]))
            spool.record_outcomes([(proposal.number, _outcome(proposal, answers)) for proposal in proposals])
            bar.update(len(proposals))


def _outcome(proposal: "Proposal", answers: "Iterator[LineAnswer]") -> str:
    from services.cli.imports.batch_client import refusal_text

    answered = [next(answers) for _ in proposal.lines]
    refused = [refusal_text(answer) for answer in answered if answer.status >= 300 and not _voided_before(answer)]
    return "; ".join(refused) or MADE


def _voided_before(answer: "LineAnswer") -> bool:
    return str(answer.body.get("type", "")).endswith(":already-voided")


def _write_report(spool: "ReconciliationSpool", path: Path, files: Sequence[Path]) -> None:
    from services.web.csv_table import Table

    table = Table(REPORT_COLUMNS)
    with path.open("wb") as file:
        file.write(table.head())
        for found in spool.report():
            file.write(table.lines([dict(zip(REPORT_COLUMNS, _shown(found, files), strict=True))]))


def _shown(found: Any, files: Sequence[Path]) -> Iterator[object]:
    from services.cli.reconciliation.differences import WHAT

    what, kind, key, place, fact_id, recorded, stated, lines, outcome = found
    number, row = (None, None) if place is None else divmod(place, ROWS_MAX)
    yield from (what, None if number is None else str(files[number]), row, kind)
    yield ", ".join(f"{name} {value}" for name, value in json.loads(key).items() if value is not None)
    yield from (fact_id, recorded, stated, WHAT[what])
    proposed = [json.loads(line) for line in lines]
    yield "; ".join(f"POST {line['path']} {json.dumps(line['body'], separators=(',', ':'))}" for line in proposed)
    yield outcome


def _summarise(spool: "ReconciliationSpool", *, applied: bool, as_json: bool) -> None:
    counts, remaining = spool.counts(), spool.unsettled()
    if as_json:
        said = {name.replace(" ", "_"): count for name, count in counts.items()}
        click.echo(json.dumps({**said, "made": sum(counts.values()) - remaining, "remaining": remaining}))
    elif not counts:
        click.echo("The transcript and the log agree.")
    else:
        found = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        done = f"{sum(counts.values()) - remaining:,} made to agree" if applied else "nothing was recorded"
        click.echo(f"Differences: {found}; {done}.")
    if remaining:
        sys.exit(DIFFERENCES)
