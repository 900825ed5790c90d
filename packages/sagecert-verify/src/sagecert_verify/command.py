"""The command `sagecert-verify FILE`: the exit status and the first line are the verdict."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sagecert_verify.explanation import is_explanation, verify_explanation
from sagecert_verify.finding import Status
from sagecert_verify.note import MalformedNoteError, Note
from sagecert_verify.rederive import processors
from sagecert_verify.report import as_json, as_text
from sagecert_verify.trust import MalformedPolicyError, Trust, read_policy
from sagecert_verify.verification import Progress, verify

USAGE: Final = int(Status.UNUSABLE)
"""The command was not used as it should be; no verdict."""
INPUT_BYTES_MAX: Final = 1 << 20
STATUSES: Final = """\
exit status, which the first line says in words:
  0   witnessed and re-derived
  10  re-derived, not witnessed
  11  re-derived, but a split view is possible: too few of your witnesses have signed
  20  re-derived, but there is no earlier checkpoint to compare
  30  the log was altered (the first position)
  40  the derivation differs (the first event, the rule, the facts)
  2   the file is damaged
  64  the command was not used as it should be; a checkpoint of yours is not as the log signed it
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; answers its exit status."""
    options = _parser().parse_args(arguments)
    try:
        trust = _policy(options.policy) if options.policy is not None else None
        earlier = [_checkpoint(path) for path in options.checkpoint]
    except _UnusableError as problem:
        print(f"sagecert-verify: {problem}", file=sys.stderr)
        return USAGE
    if is_explanation(options.file):
        if trust is None or not trust.logs:
            print("sagecert-verify: an explanation needs --policy, with the key of the log", file=sys.stderr)
            return USAGE
        report = verify_explanation(options.file, trust)
        sys.stdout.write(as_json(report) if options.json else as_text(report))
        return int(report.status)
    report = verify(options.file, trust, earlier, options.processes, _progress(is_quiet=options.json))
    sys.stdout.write(as_json(report) if options.json else as_text(report))
    return int(report.status)


class _UnusableError(Exception):
    """A file that the auditor named cannot be used."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # it never returns there, nor here
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sagecert-verify",
        description="Verifies an audit export: signatures, hashes, order; then derives everything again and compares.",
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="the export, or an explanation of a standing: its JSON, or its page as saved",
    )
    parser.add_argument(
        "--policy",
        metavar="POLICYFILE",
        type=Path,
        help="the keys of logs and witnesses that you trust (C2SP tlog-policy)",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="NOTE",
        type=Path,
        action="append",
        default=[],
        help="a checkpoint that you kept earlier; once for each log",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")
    parser.add_argument(
        "--processes",
        metavar="N",
        type=int,
        default=processors(),
        help="how many processes derive (default: %(default)s)",
    )
    return parser


def _policy(path: Path) -> Trust:
    try:
        return read_policy(_text(path))
    except MalformedPolicyError as problem:
        raise _UnusableError(f"{path}: {problem}") from None


def _checkpoint(path: Path) -> Note:
    try:
        note = Note.read(_text(path))
        _ = note.checkpoint
    except MalformedNoteError as problem:
        raise _UnusableError(f"{path}: {problem}") from None
    return note


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(INPUT_BYTES_MAX + 1)
        if len(content) > INPUT_BYTES_MAX:
            raise _UnusableError(f"{path} is larger than {INPUT_BYTES_MAX} bytes")
        return content.decode("utf-8")
    except OSError as problem:
        raise _UnusableError(f"{path}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise _UnusableError(f"{path} is not a text file") from None


def _progress(*, is_quiet: bool) -> Progress:
    """A line that is written over, on a terminal only."""
    if is_quiet or not sys.stderr.isatty():
        return _silent

    def show(what: str, done: int, total: int) -> None:
        if done % 16 == 0 or done == total:
            amount = f"{100 * done // total} %" if total else f"{done} members"
            sys.stderr.write(f"\r{what}: {amount}\x1b[K" + ("\r\x1b[K" if total and done == total else ""))
            sys.stderr.flush()

    return show


def _silent(_what: str, _done: int, _total: int) -> None:
    pass
