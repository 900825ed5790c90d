"""Random histories loaded by single calls, by batches and by imports, in any order and cut anywhere: the same answers.

3 histories by default; `HISTORIES=100 make test PYTEST_ARGUMENTS="tests/imports/test_random_histories.py --timeout 0"`
takes as many as one likes, and `FIRST_HISTORY` says with which seed to begin.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import product as product_of
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from services.cli import import_command
from services.cli.http_without_redirects import Unreachable
from services.cli.imports.batch_client import BatchClient, LineAnswer
from tests.end_to_end.client import FactClient, Unanswered, rfc3339
from tests.imports.importing import run_import
from tests.imports.test_history import load
from tests.oracle.histories import PRODUCTS, History, interesting_instants, seeded
from tests.oracle.rules import facts
from tests.oracle.rules.facts import Fact
from tests.oracle.rules.knowledge import consultants_mentioned, partners_mentioned
from tests.oracle.shrinking import told
from tests.systems import System

HISTORIES: Final = int(os.environ.get("HISTORIES", "3"))
FIRST_HISTORY: Final = int(os.environ.get("FIRST_HISTORY", "0"))
MEMBERS: Final = {
    "kind": "text", "programme": "text", "into": "text", "consultant_id": "text", "product": "text",
    "portal_change_id": "text", "registration_id": "text", "attempt": "integer", "score": "decimal", "reason": "text",
    "products": "list", "significant": "boolean", "due_on": "day", "summary": "text", "partner_id": "text",
}  # fmt: skip
"""Every member of a body, and its type in a mapping."""


def order_matters_not(history: History) -> History:
    """What of the history says the same in any order.

    A void names a fact that is recorded, a revision is recorded before it is in force, and of two reports that
    contradict each other the first is accepted.
    """
    kept: dict[object, Fact] = {}
    for fact in history:
        match fact:
            case facts.FactVoided() | facts.PolicyRevised() | facts.PortalChangeCorrected():
                continue
            case facts.ExamRegistered():
                about: object = ("registration", fact.registration)
            case facts.AttemptScored() | facts.ScoreCorrected():
                if fact.attempt not in (1, 2):
                    continue  # refused (R5)
                about = (type(fact), fact.registration, fact.attempt)
            case facts.PortalChangeDeclared():
                about = ("change", fact.change)
            case facts.PartnersMerged():
                about = ("merger", fact.effective_at)
            case (
                facts.PartnerEnrolled() | facts.PartnerKindChanged() | facts.PartnerProgrammeChanged()
                | facts.PartnerClosed()
            ):  # fmt: skip
                about = ("partner", fact.partner, fact.effective_at)
            case _:
                about = fact.fact_id
        kept.setdefault(about, fact)
    return list(kept.values())


class Loading:
    """One history, and the ways to load it into an emptied system whose clock stands after all of it."""

    def __init__(self, system: System, history: History, random: Random, directory: Path) -> None:
        self.system = system
        self.random = random
        self.directory = directory
        self.history = history
        self.now = interesting_instants(history)[-1] + timedelta(days=100)
        self.instants = [self.now, *random.sample(interesting_instants(history), 3)]

    def begin(self) -> FactClient:
        """Empties the system, and shuffles the history."""
        self.random.shuffle(self.history)
        return FactClient(self.system, self.now)

    def singly(self) -> FactClient:
        client = self.begin()
        for fact in self.history:
            assert client.post(fact).status_code in (201, 202)
        return client

    def batches(self) -> FactClient:
        client = self.begin()
        lines = [self._line(client, fact) for fact in self.history]
        while lines:
            cut = self.random.randint(1, len(lines))
            load(self.system, *lines[:cut], history=self.random.choice(("true", "false")))
            lines = lines[cut:]
        return client

    def imports(self, monkeypatch: pytest.MonkeyPatch) -> FactClient:
        """An import that breaks somewhere, and the same import again."""
        client = self.begin()
        table, mapping = self.directory / "history.ndjson", self.directory / "history.toml"
        lines = [self._line(client, fact) for fact in self.history]
        shapes = dict.fromkeys((_template(line["path"]), *sorted(line["body"])) for line in lines)
        numbered = {shape: str(number) for number, shape in enumerate(shapes)}
        mapping.write_text("\n".join(_fact(shape, number) for shape, number in numbered.items()))
        table.write_text("".join(_row(line, numbered) for line in lines))
        together = self.random.randint(1, len(lines))
        with monkeypatch.context() as patch:
            patch.setattr(import_command, "SENT_TOGETHER", together)
            patch.setattr(BatchClient, "send", _broken_after(self.random.randint(0, (len(lines) - 1) // together)))
            assert run_import(self.system.url, [table], [mapping], "--history").status == 1
        done = run_import(self.system.url, [table], [mapping])
        assert done.status == 0, done.output
        return client

    def _line(self, client: FactClient, fact: Fact) -> dict[str, Any]:
        path, body = client._call(fact)
        return {"path": path, "idempotency_key": fact.fact_id, "body": body}

    def answers(self, client: FactClient) -> Iterator[object]:
        """Of every partner and person, now and at some instants, without what names a fact or a position."""
        client.position = self.system.http.get("/certification/v1/events?after=0&limit=1000").json()[-1]["position"]
        asked = [
            *(f"/compliance/v1/partners/{partner}/compliance" for partner in sorted(partners_mentioned(self.history))),
            *(
                f"/compliance/v1/consultants/{person}/certifications"
                for person in sorted(consultants_mentioned(self.history))
            ),
        ]
        for path, product, at in product_of(asked, PRODUCTS, self.instants):
            yield path, product, at, _asked(client, f"{path}/{product}", at)


_OF_A_LOG: Final = ("position", "known_at", "engine", "reasons", "at", "mends")


def _asked(client: FactClient, path: str, at: datetime) -> object:
    try:
        answer = client.get(path, {"at": rfc3339(at)})
    except Unanswered as problem:
        return problem.status
    return {name: value for name, value in answer.items() if name not in _OF_A_LOG}


def _template(path: str) -> str:
    """The path with its ids as values."""
    nouns = path.split("/")
    return "/".join(f"{{part{place}}}" if place in (4, 6) else noun for place, noun in enumerate(nouns))


def _fact(shape: Sequence[str], number: str) -> str:
    path, *members = shape
    values = [
        f"part{place} = {{ column = 'part{place}', in_body = false }}" for place in (4, 6) if f"part{place}" in path
    ]
    for member in members:
        if member == "effective_at":
            values.append("effective_at = { column = 'effective_at', type = 'instant' }")
        else:
            values.append(f"{member} = {{ column = '{member}', type = '{MEMBERS[member]}' }}")
    return "\n".join((
        "[[fact]]", f"path = '{path}'", "idempotency_key = '{key}'", f"where = {{ shape = ['{number}'] }}",
        "[fact.values]", "key = { column = 'key', in_body = false }", *values, "",
    ))  # fmt: skip


def _row(line: dict[str, Any], numbered: dict[tuple[str, ...], str]) -> str:
    nouns = line["path"].split("/")
    parts = {f"part{place}": nouns[place] for place in (4, 6) if place < len(nouns)}
    shape = numbered[_template(line["path"]), *sorted(line["body"])]
    return json.dumps({"shape": shape, "key": line["idempotency_key"], **parts, **line["body"]}) + "\n"


def _broken_after(batches: int) -> Callable[[BatchClient, Sequence[bytes]], list[LineAnswer]]:
    sent, send = iter(range(batches)), BatchClient.send

    def broken(client: BatchClient, lines: Sequence[bytes]) -> list[LineAnswer]:
        answers = send(client, lines[: len(lines) // 2]) if next(sent, None) is None else send(client, lines)
        if len(answers) < len(lines) or len(lines) < 2:
            raise Unreachable("cut")
        return answers

    return broken


@pytest.mark.parametrize("seed", range(FIRST_HISTORY, FIRST_HISTORY + HISTORIES))
def test_a_history_gives_the_same_answers_however_it_is_loaded(
    seed: int, system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = order_matters_not(seeded(seed))
    loading = Loading(system, history, Random(seed), tmp_path)
    singly = list(loading.answers(loading.singly()))
    for way in (loading.batches, lambda: loading.imports(monkeypatch)):
        found = list(loading.answers(way()))
        differing = [(was, now) for was, now in zip(singly, found, strict=True) if was != now]
        assert not differing, f"{differing[0]} with {told(history)}"
