"""A few processes that replay history, each with a budget for a question, behind a bounded queue.

A process that exceeds its budget or dies is replaced; only the caller of its question notices. Questions about one id
never take all processes nor more than half of the queue. Callers take turns, and so do the ids that one asks about.
Where the queue is full, the caller who has most questions in it gives way. Equal ones that wait get one answer.
"""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from services.compliance.child_process import ChildProcess
from services.compliance.historical_answers.questions import (
    Answered,
    DatabaseAway,
    Failed,
    Question,
    Refused,
    Reply,
    WorkerSettings,
    decode_reply,
    encode,
)
from services.compliance.refusals import InvalidQuery, KnownInTheFuture, NeverMentioned
from services.compliance.settings import ComplianceSettings
from services.web.fair_places import caller_name
from services.web.refusal import EngineNotInstalled, NoDatabase, Refusal

QUEUE_SECONDS_MAX: Final = 30.0
"""How long a question may wait for a process."""
START_SECONDS_MAX: Final = 30.0
AHEAD_SECONDS: Final = 3.0
"""After the start of the service: when its first process is started, if no question came before."""
REPLY_GRACE_SECONDS: Final = 1.0
"""Lets the process report a statement timeout itself before it is killed."""
NICENESS: Final = 10
"""Of the processes: serving, appending and following go first."""
_BACKOFF_SECONDS: Final = 0.5
RECOVERY_SECONDS: Final = 2.0
"""After a process could not be started: when the next one is tried, though nobody asks."""
_TOO_MANY: Final = "Too many questions wait, in all or about this id: ask again in a moment."

_log: Final = logging.getLogger(__name__)


class TooManyQuestions(Refusal):
    """The queue is full, or the question waited too long."""


class TakesTooLong(Refusal):
    """The answer exceeds the budget of a question."""


REFUSALS: Final[dict[str, type[Refusal]]] = {
    kind.__name__: kind for kind in (NeverMentioned, InvalidQuery, KnownInTheFuture, TakesTooLong, EngineNotInstalled)
}


class _Waiting:
    """A question of a caller that waits for a process, or that a process is answering. `since`: the turn it came at."""

    def __init__(self, about: str, question: bytes, since: int) -> None:
        self.caller = caller_name.get()
        self.about = about
        self.question = question
        self.since = since
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()


class AnsweringPool:
    """Belongs to one event loop. Starts its processes when there are questions, the first one ahead, and keeps them.

    `worker_settings`: the first message to each of its processes. `trouble`: why none can be started; or None.
    """

    def __init__(self, settings: ComplianceSettings) -> None:
        self._processes_max = settings.answer_processes
        self._queue_max = settings.answer_queue_max
        self._seconds_max = settings.answer_seconds_max
        self.worker_settings = WorkerSettings(
            parent=os.getpid(),
            niceness=NICENESS,
            seconds_max=settings.answer_seconds_max,
            database_url=settings.database_url.get_secret_value(),
            database_role=settings.database_role,
            database_schema=settings.database_schema,
            products=settings.products,
        )
        self.trouble: str | None = None
        self._waiting: list[_Waiting] = []
        self._turn = 0
        self._last_turns: dict[tuple[str, str], int] = {}
        self._working: Counter[str] = Counter()
        self._idle: list[ChildProcess] = []
        self._workers = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, about: str, question: Question) -> bytes:
        """The body of the answer. `about`: the id in question; questions about one id take turns with others.

        Raises `TooManyQuestions`, `TakesTooLong`, `NoDatabase`, also where a process ended, and the refusals of the
        question itself.
        """
        waiting = _Waiting(about, encode(question), self._turn)
        self._require_room(waiting)
        self._waiting.append(waiting)
        self._hand_out()
        try:
            async with asyncio.timeout(QUEUE_SECONDS_MAX + self._seconds_max):
                reply = await waiting.reply
        except TimeoutError:
            raise TooManyQuestions("No process was free for this question in time: ask again in a moment.") from None
        finally:
            waiting.reply.cancel()
            self._withdraw(waiting)
        return _body(reply)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Starts one process soon, and kills all at the end of the context."""
        self._begin(self._start_ahead())
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for worker in self._idle:
                await worker.end()

    def _require_room(self, coming: _Waiting) -> None:
        """Makes room in the queue: the caller with most questions loses one. Raises `TooManyQuestions`."""
        about_it = [waiting for waiting in self._waiting if waiting.about == coming.about]
        if len(about_it) >= max(1, self._queue_max // 2):
            self._give_way(about_it, coming)
        elif len(self._waiting) >= self._queue_max:
            self._give_way(self._waiting, coming)

    def _give_way(self, waiting: Collection[_Waiting], coming: _Waiting) -> None:
        """Refuses the latest question of the caller who has most; the one that comes, where that is as fair."""
        questions = Counter(question.caller for question in waiting)
        caller, most = questions.most_common(1)[0]
        if most <= questions[coming.caller] + 1:
            raise TooManyQuestions(_TOO_MANY)
        refused = next(question for question in reversed(tuple(waiting)) if question.caller == caller)
        self._waiting.remove(refused)
        if not refused.reply.done():
            refused.reply.set_exception(TooManyQuestions(_TOO_MANY))

    def _withdraw(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)

    def _hand_out(self) -> None:
        """Gives waiting questions to free processes."""
        while self._workers - len(self._idle) < self._processes_max and (waiting := self._next()) is not None:
            worker = self._idle.pop() if self._idle else None
            if worker is None:
                self._workers += 1
            self._working[waiting.about] += 1
            self._begin(self._answer(worker, waiting, self._take_equal(waiting)))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start_ahead(self) -> None:
        """Starts a process before the first question: loading its modules takes half a second of a processor.

        It waits until the start of everything else is over. A process that cannot be started is missed by nobody yet.
        """
        await asyncio.sleep(AHEAD_SECONDS)
        if not self._workers:
            await self._start_idle()

    async def _recover(self) -> None:
        """Starts processes until one is ready. A service that is not ready gets no questions, which would start one."""
        while self.trouble is not None:
            await asyncio.sleep(RECOVERY_SECONDS)
            if self._workers < self._processes_max:
                await self._start_idle()

    async def _start_idle(self) -> None:
        """Starts a process for the next question."""
        self._workers += 1
        try:
            self._idle.append(await self._start())
        except _NotStarted:
            self._workers -= 1
        self._hand_out()

    async def _start(self) -> ChildProcess:
        """A process that is ready. Raises `_NotStarted`."""
        try:
            worker = await ready_process(self.worker_settings)
        except (TimeoutError, OSError, EOFError) as problem:
            _log.warning("a process that answers could not be started: %r", problem)
            if self.trouble is None:
                self._begin(self._recover())
            self.trouble = f"No process that replays history can be started: {problem!r}."
            raise _NotStarted from problem
        self.trouble = None
        return worker

    def _next(self) -> _Waiting | None:
        """The first question of the caller, and of the id, that waits longest for a turn.

        One id leaves one process to the others, if there are two.
        """
        of_id_max = max(1, self._processes_max - 1)
        able = [waiting for waiting in self._waiting if self._working[waiting.about] < of_id_max]
        if not able:
            return None
        chosen = min(able, key=self._last_turn)
        self._waiting.remove(chosen)
        self._turn += 1
        self._last_turns |= {("", chosen.caller): self._turn, (chosen.caller, chosen.about): self._turn}
        oldest = min((waiting.since for waiting in self._waiting), default=self._turn)
        self._last_turns = {name: turn for name, turn in self._last_turns.items() if turn > oldest}
        return chosen

    def _take_equal(self, chosen: _Waiting) -> list[_Waiting]:
        """The equal questions, which wait no longer. An answer that begins now is right for all of them."""
        equal = [waiting for waiting in self._waiting if waiting.question == chosen.question]
        if equal:
            self._waiting = [waiting for waiting in self._waiting if waiting.question != chosen.question]
        return equal

    def _last_turn(self, waiting: _Waiting) -> tuple[int, int]:
        """Of its caller, then of its id; neither is before the question came."""
        names = ("", waiting.caller), (waiting.caller, waiting.about)
        of_caller, of_id = (max(self._last_turns.get(name, 0), waiting.since) for name in names)
        return of_caller, of_id

    async def _answer(self, worker: ChildProcess | None, waiting: _Waiting, equal: Collection[_Waiting]) -> None:
        pause_seconds = 0.0
        try:
            if worker is None or not worker.alive:
                await _ended(worker)
                worker = None
                worker = await self._start()
            reply = decode_reply(await worker.call(waiting.question, self._seconds_max + REPLY_GRACE_SECONDS))
        except TimeoutError:
            _log.warning("a question about %s took too long and its process is ended", waiting.about)
            reply = Refused("TakesTooLong", f"The answer takes longer than {self._seconds_max:g} seconds.", None)
            await _ended(worker)
            worker = None
        except (OSError, EOFError) as problem:
            _log.warning("a process that answers has ended: %r", problem)
            reply, pause_seconds = DatabaseAway(), _BACKOFF_SECONDS
            await _ended(worker)
            worker = None
        except BaseException:
            await _ended(worker)
            raise
        for answered in (waiting, *equal):
            if not answered.reply.done():
                answered.reply.set_result(reply)
        await asyncio.sleep(pause_seconds)
        self._working -= Counter({waiting.about: 1})
        if worker is None:
            self._workers -= 1
        else:
            self._idle.append(worker)
        self._hand_out()


class _NotStarted(OSError):
    """A process that answers could not be started. No budget of a question was used."""


async def _ended(worker: ChildProcess | None) -> None:
    if worker is not None:
        await worker.end()


def _body(reply: Reply) -> bytes:
    """Raises the refusal or failure that the reply holds instead of an answer."""
    match reply:
        case Answered(body):
            return body
        case Refused(refusal, detail, parameter):
            raise REFUSALS[refusal](detail, parameter)
        case DatabaseAway():
            raise NoDatabase("The database does not answer at the moment.")
        case Failed(trace):
            raise RuntimeError(f"a question could not be answered:\n{trace}")


async def ready_process(settings: WorkerSettings) -> ChildProcess:
    """A process that is ready. Raises `TimeoutError`, `OSError` and `EOFError` if it does not start."""
    worker = await ChildProcess.start("services.compliance.historical_answers.worker")
    try:
        await worker.call(encode(settings), START_SECONDS_MAX)
    except BaseException:
        await worker.end()
        raise
    return worker
