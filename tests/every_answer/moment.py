"""The system as of one moment, asked by every path."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from io import StringIO
from random import Random
from types import MappingProxyType
from typing import Any

from tests.end_to_end.client import Answer, FactClient, Unanswered, instant, rfc3339
from tests.oracle.histories import PRODUCTS, History, interesting_instants
from tests.oracle.rules.calculator import Calculator
from tests.oracle.rules.knowledge import consultants_mentioned, partners_mentioned

Differences = Iterator[str]
Passes = Callable[[Answer], bool]
Filter = tuple[Answer, Passes]
"""The parameters of a question, and which items of the whole list it leaves."""

OF_THE_MOMENT = ("at", "known_at", "position", "policy_id", "engine")
ALL = 1000
OF_THE_PRESENT = ("suspensions", "totals", "progress", "recorded-events", "counts")
"""What is answered about no other moment."""
SHORTER = {"exam-registrations": 100, "held-facts": 200, "recorded-facts": 200, "claims": 200}
"""The longest page of a list; of these it is shorter than of others."""


class Moment:
    """What is known of `history` at the instant `at`, and a client that asks about it.

    `when`: the parameters that name the moment; empty for the present.
    """

    def __init__(
        self, client: FactClient, history: History, at: datetime, when: Mapping[str, Any], random: Random
    ) -> None:
        self.client, self.history, self.at, self.random = client, history, at, random
        self.when = dict(when)
        self.is_present = not when
        self.calculator = Calculator(history)
        self.in_force = self.calculator.in_force
        self.partners = sorted(partners_mentioned(history))
        self.consultants = sorted(consultants_mentioned(history))
        self.places = [(partner, product) for partner in self.partners for product in PRODUCTS]
        self.compared = 0
        self.given: list[tuple[str, dict[str, Any], Answer]] = []
        """Answers of the present, which their `at` and `position` give again (R31)."""

    def ask(self, path: str, **question: Any) -> Answer:
        """The answer as of the moment. Raises `Unanswered`."""
        answer = self.client.get(path, self._asked(path) | question)
        if self.is_present and path.startswith("/compliance/") and path.rpartition("/")[2] not in OF_THE_PRESENT:
            self.given.append((path, question, dict(answer)))
        return answer

    def text(self, path: str, **question: Any) -> str:
        """The answer as it came, as of the moment."""
        response = self.client.system.http.get(path, params=self._asked(path) | question)
        if response.status_code != 200:
            raise Unanswered(response)
        return response.text

    def _asked(self, path: str) -> dict[str, Any]:
        fresh = self.is_present and not path.startswith(("/certification/", "/audit/v1/claims"))
        return {"min_position": self.client.position} if fresh else dict(self.when)

    @cached_property
    def standing(self) -> dict[tuple[str, str], Answer]:
        """The single answer about each partner and product."""
        return {
            (partner, product): self.ask(f"/compliance/v1/partners/{partner}/compliance/{product}")
            for partner, product in self.places
        }

    def instants(self) -> list[datetime]:
        """When something of the history can happen."""
        return interesting_instants(self.history)

    def whole(self, path: str, member: str, **question: Any) -> list[Answer]:
        """The list in pages of a random length. Raises `PagesDiffer` unless they are the whole and its table."""
        longest = next((most for name, most in SHORTER.items() if name in path), ALL)
        listed = self._joined(path, member, longest, question)
        limit = self.random.choice((1, 2, 3, 5, 7))
        if (joined := self._joined(path, member, limit, question)) != listed:
            raise PagesDiffer(f"{path} {question} in pages of {limit} is {joined}, whole {listed}")
        if self.random.random() < 0.25:
            self._compare_table(path, listed, question)
        self.compared += len(listed) + 1
        return listed

    def filtered(self, path: str, member: str, listed: list[Answer], filters: list[Filter], most: int) -> Differences:
        """Some of the filters, each compared with what it leaves of the whole list."""
        for question, passes in self.random.sample(filters, min(most, len(filters))):
            wanted = [item for item in listed if passes(item)]
            yield from same(f"{path} {question}", self.whole(path, member, **question), wanted)

    def as_of_present(self, path: str, member: str, listed: list[Answer]) -> Differences:
        """The list of the present is that of its moment."""
        if self.is_present:
            when = {"at": rfc3339(self.at), "known_position": self.client.position, "limit": ALL}
            yield from same(f"{path} as of the present", self.client.get(path, when)[member], listed)

    def _joined(self, path: str, member: str, limit: int, question: Mapping[str, Any]) -> list[Answer]:
        page = self.ask(path, limit=limit, **question)
        return self.continued(path, member, page, limit, question)

    def continued(
        self, path: str, member: str, page: Answer, limit: int, question: Mapping[str, Any] = MappingProxyType({})
    ) -> list[Answer]:
        """The rows of the page and of all that follow."""
        rows: list[Answer] = list(page[member])
        while page["next"] is not None:
            page = self.ask(path, limit=limit, **{**question, "after": page["next"]})
            rows += page[member]
        return rows

    def _compare_table(self, path: str, listed: list[Answer], question: Mapping[str, Any]) -> None:
        rows = list(csv.DictReader(StringIO(self.text(f"{path}.csv", **question).removeprefix("\ufeff"), newline="")))
        if len(rows) != len(listed):
            raise PagesDiffer(f"{path}.csv {question} has {len(rows)} rows, the list {len(listed)}")
        for row, item in zip(rows, listed, strict=True):
            cells = dict(_flattened(item, ""))
            if wrong := {name: row[name] for name in row.keys() & cells.keys() if _unguarded(row[name]) != cells[name]}:
                raise PagesDiffer(f"{path}.csv {question} has {wrong} in the row of {item}")


class PagesDiffer(Exception):
    """The pages of a list, the whole of it and its table do not hold the same."""


def _unguarded(cell: str) -> str:
    return cell.removeprefix("'")


def _flattened(item: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, str]]:
    for name, value in item.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{name}_")
        elif isinstance(value, bool):
            yield prefix + name, str(value).lower()
        elif isinstance(value, list) and all(isinstance(member, str) for member in value):
            yield prefix + name, " ".join(value)
        elif isinstance(value, list):
            yield prefix + name, json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        else:
            yield prefix + name, "" if value is None else str(value)


def same(what: str, got: object, wanted: object) -> Differences:
    """A sentence where the two are not equal."""
    if got != wanted:
        yield f"{what}: {got}, wanted {wanted}"


def short(answer: Mapping[str, Any], *names: str) -> Answer:
    """Some members of an answer."""
    return {name: answer[name] for name in names}


def timeless(answer: Mapping[str, Any]) -> Answer:
    """An answer without what names its moment."""
    return {name: value for name, value in answer.items() if name not in OF_THE_MOMENT}


def written(instant: datetime | None) -> str | None:
    """As answers write it."""
    return None if instant is None else rfc3339(instant)


def utc(text: str) -> datetime:
    """The instant of an answer, where there is one."""
    found = instant(text)
    assert found is not None
    return found


def of(name: str, *values: object) -> Passes:
    """Items with one of these values."""
    return lambda item: item[name] in values


def holding(name: str, part: str) -> Passes:
    """Items whose text holds the part, case aside."""
    return lambda item: part.lower() in item[name].lower()


def before(name: str, day: str) -> Passes:
    """Items of an earlier day."""
    return lambda item: bool(item[name] < day)


def earlier(name: str, bound: datetime) -> Passes:
    """Items of an earlier instant."""
    return lambda item: utc(item[name]) < bound


def every(*passes: Passes) -> Passes:
    """Items that pass all of these."""
    return lambda item: all(one(item) for one in passes)
