"""The differences between a transcript and a log, and the reports that would make them agree. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Final, Literal, NamedTuple

import msgspec

from services.cli.reconciliation.comparable_facts import BY_NAME, CORRECTED, instant_of

What = Literal["lost", "doubled", "contradicting", "surplus", "row doubled", "rows contradicting", "unreadable"]
WHAT: Final[dict[What, str]] = {
    "lost": "The row is not recorded.",
    "doubled": "It is recorded twice.",
    "contradicting": "It is recorded otherwise.",
    "surplus": "It is recorded, and no row says it. Void it if it never happened.",
    "row doubled": "An earlier row says the same.",
    "rows contradicting": "An earlier row says otherwise. One of them is wrong.",
    "unreadable": "The row cannot be read.",
}
"""Each kind of difference, and what it means. Nothing is proposed for the last four: they are for people to look at."""

PREFIX: Final = "/certification/v1/"
REASON: Final = "reconciled with a transcript"


class Stated(NamedTuple):
    """What a row says. `path`, `body`: of the call that records it."""

    instant: int
    content: str
    row: int
    path: str
    body: bytes


class Standing(NamedTuple):
    """What is recorded and not voided. `kind`: its own; the corrections of a score come with it."""

    instant: int
    content: str
    position: int
    fact_id: str
    kind: str


class Subject(NamedTuple):
    """Everything about one key. `voided`: how many facts about it are voided."""

    kind: str
    key: str
    stated: Sequence[Stated]
    recorded: Sequence[Standing]
    voided: int


class Difference(NamedTuple):
    """One difference. `lines`: those of the batch that would end it, in order; none: nobody can propose that."""

    what: What
    kind: str
    key: str
    instant: int
    row: int | None
    fact_id: str | None
    recorded: str
    stated: str
    lines: tuple[bytes, ...] = ()


def differences(subject: Subject, through: int, *, corrections_stated: bool) -> Iterator[Difference]:
    """How the rows and the facts about one key differ.

    `through`: the cut-off; later facts do not count. `corrections_stated`: the transcript has the
    corrections of scores as rows; otherwise its scores are those after all corrections.
    """
    return _Comparison(subject, through).differences(corrections_stated=corrections_stated)


class _Comparison:
    def __init__(self, subject: Subject, through: int) -> None:
        self._subject = subject
        self._through = through
        self._calls = len(subject.recorded) + subject.voided

    def differences(self, *, corrections_stated: bool) -> Iterator[Difference]:
        recorded = [fact for fact in self._subject.recorded if fact.kind == self._subject.kind]
        corrections = [fact for fact in self._subject.recorded if fact.kind != self._subject.kind]
        if BY_NAME[self._subject.kind].once:
            yield from self._once(recorded, [] if corrections_stated else corrections)
        else:
            yield from self._several(recorded)

    def _once(self, recorded: Sequence[Standing], corrections: Sequence[Standing]) -> Iterator[Difference]:
        stated = self._subject.stated
        for row in stated[1:]:
            same = row[:2] == stated[0][:2]
            yield self._difference("row doubled" if same else "rows contradicting", row, None)
        if not stated:
            yield from (self._difference("surplus", None, fact) for fact in recorded if fact.instant <= self._through)
            return
        if not recorded:
            yield self._difference("lost", stated[0], None, self._record(stated[0]))
            return
        row, fact = stated[0], recorded[0]
        latest = max(corrections, key=lambda fact: (fact.instant, fact.position), default=fact)
        if (row.instant, row.content) == (fact.instant, latest.content):
            return
        if row.instant == fact.instant and self._subject.kind == "attempt-scored":
            lines = self._correct(row, latest)
        else:
            voids = [self._void(other) for other in (*corrections, fact)]
            lines = (*voids, *self._record(row))
        yield self._difference("contradicting", row, fact, lines, recorded=latest.content)

    def _several(self, recorded: Sequence[Standing]) -> Iterator[Difference]:
        rows: dict[tuple[int, str], Stated] = {}
        for row in self._subject.stated:
            if row[:2] in rows:
                yield self._difference("row doubled", row, None)
            else:
                rows[row.instant, row.content] = row
        facts: dict[tuple[int, str], Standing] = {}
        for fact in recorded:
            if fact[:2] in facts:
                yield self._difference("doubled", None, fact, (self._void(fact),))
            else:
                facts[fact.instant, fact.content] = fact
        lost = [row for said, row in rows.items() if said not in facts]
        surplus = [fact for said, fact in facts.items() if said not in rows and fact.instant <= self._through]
        for row, fact in zip(lost, surplus, strict=False):
            yield self._difference("contradicting", row, fact, (self._void(fact), *self._record(row)))
        for row in lost[len(surplus) :]:
            yield self._difference("lost", row, None, self._record(row))
        for fact in surplus[len(lost) :]:
            yield self._difference("surplus", None, fact)

    # The lines that would end a difference -----------------------------------------------------

    def _record(self, row: Stated) -> tuple[bytes, ...]:
        """Recorded again after a void it is another call, and repeated after a crash the same."""
        self._calls += 1
        return (self._line(row.path, row.body, f"{row.path} {self._calls}".encode() + row.body),)

    def _void(self, fact: Standing) -> bytes:
        path = f"{PREFIX}facts/{fact.fact_id}/void"
        return self._line(path, msgspec.json.encode({"reason": REASON}), path.encode())

    def _correct(self, row: Stated, latest: Standing) -> tuple[bytes, ...]:
        key = msgspec.json.decode(self._subject.key, type=dict[str, str | int])
        path = f"{PREFIX}{CORRECTED.path.format(**key)}"
        score = msgspec.json.decode(row.content)["score"]
        body = msgspec.json.encode({"reason": REASON, "score": score})
        return (self._line(path, body, f"{path} {latest.fact_id} {score}".encode()),)

    def _line(self, path: str, body: bytes, said: bytes) -> bytes:
        key = f"reconcile-{blake2b(said, digest_size=16).hexdigest()}"
        return msgspec.json.encode({"path": path, "idempotency_key": key, "body": msgspec.Raw(body)})

    def _difference(
        self,
        what: What,
        row: Stated | None,
        fact: Standing | None,
        lines: Iterable[bytes] = (),
        *,
        recorded: str | None = None,
    ) -> Difference:
        instant = row.instant if row is not None else fact.instant if fact is not None else 0
        return Difference(
            what,
            self._subject.kind,
            self._subject.key,
            instant,
            None if row is None else row.row,
            None if fact is None else fact.fact_id,
            "" if fact is None else _shown(fact.instant, fact.content if recorded is None else recorded),
            "" if row is None else _shown(row.instant, row.content),
            tuple(lines),
        )


def _shown(instant: int, content: str) -> str:
    """When it was true, and what it says."""
    when = instant_of(instant).isoformat().replace("+00:00", "Z")
    return when if content == "{}" else f"{when} {content}"
