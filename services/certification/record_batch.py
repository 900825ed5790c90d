"""Records many reports of one caller: loads, decides and appends a run of them at once.

Each report is decided as if those before it were recorded already, and one statement appends the facts of a run. Where
a newer fact of another caller came in between, everything from that report on is decided again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import asyncpg
import msgspec

from services.certification.decision import Decided, RequestReceipt, decide, decide_about_partner, scope
from services.certification.domain.fact_report import FactReport, Repeated, named_products
from services.certification.domain.refusals import Overloaded, Unavailable
from services.certification.event_store.append_request import AppendRequest, Outcome, state_at
from services.certification.event_store.decision_scope import NOTHING, Scope
from services.certification.event_store.loaded_subjects import (
    FACTS_MIN,
    FACTS_PER_LINE,
    KEPT_MAX,
    LoadedSubjects,
    Overtaken,
)
from services.certification.event_store.store import EventStore
from services.certification.event_store.stored_facts import StoredFact
from services.certification.record_fact import Answer, answer_of, earlier, new_answer, record, require_same_content
from services.web.long_work import LongWork
from services.web.refusal import EngineNotInstalled, IdempotencyKeyReused, Refusal
from services.web.sold_products import require_sold
from shared.events.envelope import Fact
from shared.events.facts import AboutPartner, FactVoided

RUN_MAX: Final = 256
"""The most reports that are decided from one load and appended by one statement."""


class Item(NamedTuple):
    """One report, and the receipt of the call that makes it."""

    report: FactReport
    receipt: RequestReceipt


Result = Answer | Refusal
"""The answer to the report if it had been sent alone."""


class BatchRecorder:
    """Records the reports of one batch, run after run. `products`: those sold.

    What is loaded for one run is kept for the next ones, with what they appended.
    """

    def __init__(self, products: Sequence[str]) -> None:
        self._products = products
        self._decisions = _Decisions(products, dry=False)

    async def take_run(self, store: EventStore, run: Sequence[Item]) -> list[Result]:
        """Records at most `RUN_MAX` reports and returns the result of each; a refused one does not stop the others.

        Raises `Unavailable`, `Overloaded` and `EngineNotInstalled`: some may be recorded, and all can be sent again.
        """
        results: list[Result] = []
        while rest := run[len(results) :]:
            if self._decisions.is_left(rest[0]):
                results.append(await self._record_alone(store, rest[0]))
                continue
            try:
                recorded = await self._record_together(store, rest)
            except asyncpg.PostgresError:  # alone, only the report at fault fails
                self._decisions.start_over()
                return results + [await self._record_alone(store, item) for item in rest]
            if not recorded:
                self._decisions.leave(rest[0])
            results += recorded
        return results

    async def _record_alone(self, store: EventStore, item: Item) -> Result:
        try:
            return await record(store, self._products, item.report, item.receipt)
        except (Unavailable, Overloaded, EngineNotInstalled):
            raise
        except Refusal as refusal:
            return refusal

    async def _record_together(self, store: EventStore, run: Sequence[Item]) -> list[Result]:
        """The results of the first reports of the run; none if the first must be recorded alone."""
        decisions = self._decisions
        async with store.within_deadline():
            try:
                await decisions.load(store, run)
            except Overtaken:
                decisions.start_over()
                await decisions.load(store, run)
            await decisions.take_all(store, run)
            outcomes = await store.append_run(decisions.calls())
        results = list(decisions.results(outcomes))
        decisions.settle(outcomes, len(results))
        return results


class BatchCheck:
    """Decides the reports of one batch, run after run, and records nothing. `products`: those sold.

    `show_facts`: the answers have the rows that would be appended, as if they were recorded at the end of their run.
    """

    def __init__(self, products: Sequence[str], *, show_facts: bool = False) -> None:
        self._decisions = _Decisions(products, dry=True)
        self._show_facts = show_facts

    async def take_run(self, store: EventStore, run: Sequence[Item]) -> list[Result]:
        """What each report would be answered if it and those before it were sent now. Raises `Unavailable`.

        The answers have position 0: nothing is recorded. A report about a person of very many facts is decided as if
        the batch did not have those before it.
        """
        results: list[Result] = []
        await self._decisions.load(store, run)
        while rest := run[len(results) :]:
            await self._decisions.take_all(store, rest)
            results += self._decisions.results(())
            if len(results) < len(run):
                results.append(await self._check_alone(store, run[len(results)]))
        if not self._show_facts:
            return results
        now = await store.now()
        return [_with_rows(result, now) if isinstance(result, Answer) else result for result in results]

    async def _check_alone(self, store: EventStore, item: Item) -> Result:
        report, receipt = item
        assert not isinstance(report.data, AboutPartner), "it depends on no other fact"
        loaded = await store.load(receipt.actor, receipt.idempotency_key, self._decisions.scope_of(report))
        try:
            decision = await store.aside(len(loaded.facts), partial(decide, report, report.data, loaded, receipt))
        except Refusal as refusal:
            return refusal
        if isinstance(decision, Repeated):
            stored = next(stored for stored in loaded.facts if stored.fact == decision.fact)
            return earlier(stored, (other.fact for other in loaded.facts))
        return _checked(decision)


def _checked(decision: Decided) -> Answer:
    """The answer where nothing is recorded."""
    answer = new_answer(decision.recorded.fact, 0, decision, replayed=False)
    return msgspec.structs.replace(answer, rows=decision.call.facts)


def _with_rows(answer: Answer, now: datetime) -> Answer:
    rows = tuple(msgspec.structs.replace(row, state=state_at(row, now)) for row in answer.rows)
    return msgspec.structs.replace(answer, rows=rows)


class _Decisions:
    """Reports decided one after the other. `dry`: they are never appended."""

    def __init__(self, products: Sequence[str], *, dry: bool) -> None:
        self._products = products
        self._dry = dry
        self._subjects = LoadedSubjects(dry=dry)
        self._results: list[Result | Decided | Repeated] = []
        self._receipts: dict[str, tuple[RequestReceipt, Fact]] = {}
        self._undated: set[str] = set()

    def start_over(self) -> None:
        """Forgets what was loaded and decided."""
        self._subjects = LoadedSubjects(dry=self._dry)
        self._receipts.clear()
        self._undated.clear()

    async def load(self, store: EventStore, run: Sequence[Item]) -> None:
        """Loads everything on which the decisions of the run may depend, but for what is loaded. Raises `Overtaken`."""
        if len(self._subjects) > KEPT_MAX and not self._dry:
            self.start_over()
        subjects = self._subjects
        voided = [item.report.data.fact_id for item in run if isinstance(item.report.data, FactVoided)]
        if voided:
            subjects.add_rows(await store.load_facts_by_id(voided))
        scopes = [self.scope_of(item.report) for item in run]
        people = {found.consultant_id for found in scopes if found.consultant_id is not None} - subjects.people
        streams = {found.originator_id for found in scopes if found.originator_id is not None} - subjects.streams
        keys = {item.receipt.idempotency_key for item in run}
        shared = FACTS_PER_LINE * len(run)
        named = people, streams, run[0].receipt.actor, keys
        rows = await store.load_subjects(*named, FACTS_MIN, shared, subjects.people)
        await store.aside(len(rows), partial(subjects.add_rows, rows))
        subjects.add_known(people, streams)

    async def take_all(self, store: EventStore, run: Sequence[Item]) -> None:
        """Decides the reports up to the first that must begin another run, or be recorded alone."""
        self._results = []
        work = LongWork()
        for item in run:
            try:
                result = await self._decide(store, item)
            except Refusal as refusal:
                result = refusal
            if result is None:
                break
            self._results.append(result)
            await work.pause()

    def is_left(self, item: Item) -> bool:
        """Whether the report is left to a single call, also where it repeats an earlier one."""
        about = self._subjects.about(self.scope_of(item.report))
        return not self._subjects.too_long.isdisjoint(about)

    def leave(self, item: Item) -> None:
        """Leaves the report to a single call, and the others about the same people and streams."""
        self._subjects.leave(self._subjects.about(self.scope_of(item.report)))

    def settle(self, outcomes: Sequence[Outcome], results: int) -> None:
        """The decisions are appended. `results`: so many are what they were decided to be."""
        if results < len(self._results):
            self.start_over()
            return
        self._subjects.settle(outcomes)
        self._receipts.clear()
        self._undated.clear()

    async def _decide(self, store: EventStore, item: Item) -> Result | Decided | Repeated | None:
        report, receipt = item
        require_sold(named_products(report), self._products, parameter=None)
        key = receipt.idempotency_key
        if not self._dry and self.is_left(item):
            return None
        if key in self._subjects.receipts:
            stored, salt = self._subjects.receipts[key]
            require_same_content(stored, salt, receipt)
            return self._earlier(stored)
        if key in self._receipts:
            return self._repeated(key, receipt) if self._dry else None
        if isinstance(report.data, AboutPartner):
            decision: Decided | Repeated = decide_about_partner(report, report.data, receipt)
        else:
            scope_of_it = self.scope_of(report)
            about = self._subjects.about(scope_of_it)
            if not self._subjects.too_long.isdisjoint(about):
                return None
            if not self._dry and not self._undated.isdisjoint(about):
                return None
            loaded = self._subjects.loaded(scope_of_it)
            decision = await store.aside(len(loaded.facts), partial(decide, report, report.data, loaded, receipt))
            if isinstance(decision, Decided) and report.effective_at is None:
                self._undated.update(about)
                self._undated.update(row.consultant_id for row in decision.call.facts if row.consultant_id is not None)
        if isinstance(decision, Decided):
            self._receipts[key] = (receipt, decision.facts[0])
            self._subjects.add_decided(decision)
        return decision

    def _repeated(self, key: str, receipt: RequestReceipt) -> Repeated:
        first, fact = self._receipts[key]
        if first.content != receipt.content:
            raise IdempotencyKeyReused("An earlier line of the batch has the key with other content.")
        return Repeated(fact)

    def scope_of(self, report: FactReport) -> Scope:
        """The people and streams of the decision; a fact to void is looked up among those loaded."""
        if isinstance(report.data, AboutPartner):
            return NOTHING
        target = self._subjects.fact(report.data.fact_id) if isinstance(report.data, FactVoided) else None
        return scope(report.data, report.effective_at, None if target is None else target.fact)

    def calls(self) -> list[AppendRequest]:
        """The requests to append what was decided, in order."""
        return [result.call for result in self._results if isinstance(result, Decided)]

    def results(self, outcomes: Iterable[Outcome]) -> Iterator[Result]:
        """The results up to the first report before which a newer fact came in. `outcomes`: of the requests."""
        appended = iter(outcomes)
        recorded: dict[str, Answer] = {}
        for result in self._results:
            match result:
                case Decided(what):
                    answer = _checked(result) if self._dry else answer_of(result, next(appended))
                    if answer is None:
                        return
                    recorded[what.fact.fact_id] = answer
                    yield answer
                case Repeated(fact):
                    yield self._answered_before(fact, recorded)
                case _:
                    yield result

    def _answered_before(self, fact: Fact, recorded: Mapping[str, Answer]) -> Answer:
        if fact.fact_id in recorded:
            return msgspec.structs.replace(recorded[fact.fact_id], replayed=True)
        stored = self._subjects.fact(fact.fact_id)
        assert stored is not None, "it was loaded to be recognised"
        return self._earlier(stored)

    def _earlier(self, stored: StoredFact) -> Answer:
        """The answer that was given to the report, as far as the facts are loaded that it was decided from."""
        return earlier(stored, self._subjects.known_with(stored))
