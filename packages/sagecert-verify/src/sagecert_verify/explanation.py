"""An explanation of a standing, as JSON or as the page to print: the facts that it names, each with its proof.

It shows that these facts are in the sealed log as they are, and that the deadlines are counted as the rules say.
Nothing is derived from it: facts that it does not name can matter.
"""

import json
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any, Final, NamedTuple

from sagecert_verify.archive import DamagedError
from sagecert_verify.checked_export import Result
from sagecert_verify.derive.logged_fact import instant_of
from sagecert_verify.derive.london import DAY, london_day, midnight_ending
from sagecert_verify.finding import Finding, FoundError, Status
from sagecert_verify.merkle import is_included, leaf_hash
from sagecert_verify.note import Checkpoint, MalformedNoteError, Note, Proof
from sagecert_verify.rows import FACT_COLUMNS, Row, WrongEntryError, check_fact_bytes, read_row, short
from sagecert_verify.trust import Trust
from sagecert_verify.verification import Report

FILE_BYTES_MAX: Final = 8 << 20
PROVED_MAX: Final = 1_000
LOG: Final = "facts"
LIMITS: Final = (
    "It proves that these facts are in the sealed log, each as it is.",
    "It cannot prove that no other fact matters, nor is the standing derived again: that takes a full export.",
)


class Proved(NamedTuple):
    """A fact as it is sealed."""

    position: int
    row: Row


def is_explanation(path: Path) -> bool:
    """Whether the file begins like JSON or a page, as no export does."""
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip()[:1] in (b"{", b"<")
    except OSError:
        return False


def verify_explanation(path: Path, trust: Trust) -> Report:
    """Everything that the file can be asked. Never raises for what it contains."""
    finding: Finding | None = None
    proved: list[Proved] = []
    explained: dict[str, Any] = {}
    note: Note | None = None
    try:
        explained, sealed = _read(path)
        note, proved = _proved(sealed, trust)
        _compare(explained, proved)
        _check_deadlines(explained)
    except DamagedError as problem:
        finding = Finding(Status.DAMAGED, str(problem))
    except FoundError as problem:
        finding = problem.finding
    if finding is not None or note is None:
        status = finding.status if finding is not None else Status.DAMAGED
        return Report(finding, status, _partner(explained), {}, Result(), ())
    status = Status.NO_EARLIER_CHECKPOINT
    if trust.asks_for_witnesses:
        is_witnessed = trust.is_witnessed(note.signed_by(trust.witnesses.values()))
        status = Status.WITNESSED if is_witnessed else Status.SPLIT_VIEW_POSSIBLE
    return Report(
        None, status, _partner(explained), {LOG: note.checkpoint.size}, Result(), tuple(_notes(proved, explained))
    )


def _partner(explained: dict[str, Any]) -> str:
    return str(explained.get("partner_id", "not said"))


def _read(path: Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The explanation, empty for a page, and what is sealed of each fact with its proof."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise DamagedError(f"it is larger than {FILE_BYTES_MAX} bytes")
        text = content.decode()
        if text.lstrip().startswith("{"):
            explained = json.loads(text)
            found = [
                (fact["entry"], fact["tlog_proof"]) for fact in explained["facts"] if fact["tlog_proof"] is not None
            ]
        else:
            explained, found = {}, list(zip(_blocks(text, "entry"), _blocks(text, "tlog-proof"), strict=True))
        if not all(isinstance(part, str) for pair in found for part in pair):
            raise DamagedError("a sealed fact is not text")
    except OSError as problem:
        raise DamagedError(f"the file cannot be read: {problem.strerror}") from None
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, AssertionError):
        raise DamagedError("it is no explanation of a standing, and no page of one") from None
    if not found:
        raise DamagedError("no fact in it has a proof: it was asked for without, or nothing was sealed yet")
    if len(found) > PROVED_MAX:
        raise DamagedError(f"it has more than {PROVED_MAX} proofs")
    return explained, found


def _blocks(page: str, kind: str) -> list[str]:
    """The texts of the preformatted blocks of this class."""
    _, *parts = page.split(f'<pre class="{kind}">')
    return [unescape(part.partition("</pre>")[0]) for part in parts]


def _proved(sealed: list[tuple[str, str]], trust: Trust) -> tuple[Note, list[Proved]]:
    """Each fact is in the log of one checkpoint, which a key of the log signed."""
    note: Note | None = None
    proved = []
    for entry_text, proof_text in sealed:
        try:
            proof = Proof.read(proof_text)
            checkpoint = proof.note.checkpoint
        except MalformedNoteError as problem:
            raise DamagedError(f"a proof: {problem}") from None
        if note is None:
            note = proof.note
            if not note.signed_by(key for key in trust.logs if key.name == checkpoint.origin):
                raise FoundError(Finding(Status.ALTERED, "the checkpoint is not signed by a key of your policy", LOG))
        if proof.note != note:
            raise DamagedError("its proofs are by several checkpoints")
        proved.append(_proved_fact(entry_text, proof, checkpoint))
    assert note is not None
    return note, sorted(proved, key=lambda fact: fact.position)


def _proved_fact(entry_text: str, proof: Proof, checkpoint: Checkpoint) -> Proved:
    position, entry = proof.place + 1, entry_text.encode(errors="surrogatepass")
    if not is_included(leaf_hash(entry), proof.place, checkpoint.size, proof.hashes, checkpoint.root):
        sentence = f"the fact at position {position} is not proved to be in the sealed log"
        raise FoundError(Finding(Status.ALTERED, sentence, LOG, position))
    try:
        row = read_row(entry, FACT_COLUMNS)
        check_fact_bytes(row)
        if row.columns["notification_id"] != position:
            raise WrongEntryError(f"it says that it is at {row.columns['notification_id']}")
    except WrongEntryError as problem:
        raise FoundError(Finding(Status.ALTERED, f"entry {position}: {problem}", LOG, position)) from None
    return Proved(position, row)


def _compare(explained: dict[str, Any], proved: list[Proved]) -> None:
    """What the explanation says of a fact is what was sealed."""
    by_id = {fact.row.columns["fact_id"]: fact for fact in proved}
    for said in explained.get("facts", ()):
        if said["tlog_proof"] is None:
            continue
        fact = by_id.get(str(said.get("fact_id")))
        if fact is None or not _is_same(said, fact):
            sentence = f"what is said of the fact {str(said.get('fact_id'))[:64]} is not what was sealed"
            raise FoundError(Finding(Status.ALTERED, sentence, LOG, fact.position if fact is not None else None))


def _is_same(said: dict[str, Any], fact: Proved) -> bool:
    """Members that the stored bytes leave out are said as nothing."""
    columns, body = fact.row
    stored = json.loads(body)
    data = said.get("data")
    sealed = {
        "position": fact.position,
        "type": columns["topic"],
        "effective_at": short(columns["effective_at"]),
        "recorded_at": short(columns["recorded_at"]),
        "actor": stored.get("actor", ""),
    }
    return (
        all(said.get(name) == value for name, value in sealed.items())
        and isinstance(data, dict)
        and all(data.get(name) == value for name, value in stored["data"].items())
        and not any(value for name, value in data.items() if name not in stored["data"])
    )


def _check_deadlines(explained: dict[str, Any]) -> None:
    """Each deadline is the London midnight that ends the last of the days that are counted from the loss (R15)."""
    try:
        for window in explained.get("windows", ()):
            lost_on = london_day(instant_of(window["opened_at"]))
            deadline_on = lost_on + int(window["window_days"]) * DAY
            said = (date.fromisoformat(window["lost_on"]), date.fromisoformat(window["deadline_on"]))
            if said != (lost_on, deadline_on) or instant_of(window["deadline_at"]) != midnight_ending(deadline_on):
                sentence = f"the deadline of the window opened at {window['opened_at'][:40]} is counted otherwise"
                raise FoundError(Finding(Status.DIFFERS, sentence, rule="R15"))
    except (ValueError, KeyError, TypeError, OverflowError):
        raise DamagedError("one of its windows has no days to count") from None


def _notes(proved: list[Proved], explained: dict[str, Any]) -> Iterator[str]:
    for fact in proved:
        columns = fact.row.columns
        about = ", ".join(str(columns[name]) for name in ("partner_id", "consultant_id") if columns[name] is not None)
        yield (
            f"Position {fact.position}: {columns['topic']} about {about or 'everybody'}, true from "
            f"{short(columns['effective_at'])}, recorded {short(columns['recorded_at'])} ({columns['fact_id']})."
        )
    unproved = sum(fact["tlog_proof"] is None for fact in explained.get("facts", ()))
    if unproved:
        yield f"{unproved} further facts that it names have no proof in it."
    yield from LIMITS
