"""What replays history: in processes of their own, with a budget, a queue with a limit, and a turn for everybody."""

import asyncio
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest

from services.compliance.child_process import ChildProcess
from services.compliance.historical_answers import pool, questions
from services.compliance.historical_answers.pool import NICENESS, AnsweringPool, TooManyQuestions
from services.compliance.historical_answers.questions import PartnerStandings
from services.compliance.historical_answers.worker import ANSWERS
from services.compliance.process_priority import lower_database_session
from services.compliance.refusals import NeverMentioned
from services.compliance.settings import ComplianceSettings
from services.web.fair_places import caller_name
from shared.events.wire import instant_text
from tests.compliance.asking import ORIGIN, answer, ask, asking
from tests.compliance.log import followed, set_clock
from tests.compliance.two_partners import NOW, told
from tests.databases import Database
from tests.systems import children, gone

THEN: Final = {"at": "2022-03-02T09:00:00Z"}
LIVE: Final = "partners/P1/compliance/S200P"
LIMITED: Final = {"answer_processes": 1, "answer_queue_max": 1, "answer_seconds_max": 60}
SECONDS_MAX: Final = 60


@pytest.fixture
async def settings(sandbox_database: Database) -> ComplianceSettings:
    return await followed(sandbox_database, told().groups, NOW)


def test_each_kind_of_question_has_its_answer() -> None:
    """But for those about the present alone, which the process that serves answers itself."""
    shared = {questions.Question, questions.FreshQuestion, questions.AsOfQuestion, questions._Page}
    present = {questions.PortalChangeProgress, questions.SuspensionsList}
    declared = {
        kind for kind in vars(questions).values() if isinstance(kind, type) and issubclass(kind, questions.Question)
    }
    assert ANSWERS.keys() == declared - shared - present


@pytest.fixture(autouse=True)
def only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started ahead, unless the test says so."""
    monkeypatch.setattr(pool, "AHEAD_SECONDS", 3600.0)


def workers() -> set[int]:
    """The numbers of the processes that answer for this one."""
    return {pid for pid, args in children(os.getpid()).items() if "historical_answers.worker" in args}


def session_niceness(pid: int) -> int | None:
    """The niceness of the group that Linux makes of the session of the process; None: it makes none."""
    group = Path(f"/proc/{pid}/autogroup")
    return int(group.read_text().rpartition(" ")[2]) if group.exists() else None


def database_processes(database: Database) -> dict[int, int]:
    """The niceness of each process of PostgreSQL that has a connection to the database, but the one that asks here."""
    with psycopg.connect(database.owner_url) as owner:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return {pid: os.getpriority(os.PRIO_PROCESS, pid) for (pid,) in owner.execute(query)}


@asynccontextmanager
async def limited(settings: ComplianceSettings, **limits: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(settings.model_copy(update=limits)) as client:
        yield client


@contextmanager
def log_locked(database: Database) -> Any:
    """Nothing reads the log meanwhile; live answers do not."""
    with psycopg.connect(database.owner_url) as holder:
        holder.execute("LOCK TABLE certification.stored_events IN ACCESS EXCLUSIVE MODE")
        yield holder


def refused(response: httpx.Response, kind: str) -> bool:
    assert response.status_code == 503, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"]
    return bool(response.json()["type"].endswith(kind))


async def test_what_replays_history_is_answered_by_other_processes(settings: ComplianceSettings) -> None:
    async with asking(settings) as client:
        await answer(client, LIVE)
        assert not workers()
        replays = [
            *(
                f"{LIVE}?at=2022-03-02T09:00:00Z",
                "partners/P1/authorisations/S200P?customer=new&at=2022-03-02T09:00:00Z",
            ),
            *("partners/P1?at=2022-03-02T09:00:00Z", "partners/P1/timeline", "consultants/P1-A/certifications/S200P"),
            *(
                "portal-changes/CH1/notifications",
                "partners?at=2022-03-02T09:00:00Z",
                "windows?at=2022-03-02T09:00:00Z",
            ),
        ]
        for path in replays:
            before = workers()
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            assert all(gone(pid) for pid in sorted(before))
            await answer(client, LIVE)  # meanwhile the loop sees that it has died
            response = await ask(client, path)
            assert response.status_code == 200, response.text
            assert workers() - before, path
        last = workers()
    assert all(gone(pid) for pid in last)


async def test_a_process_is_started_before_the_first_question(
    settings: ComplianceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "AHEAD_SECONDS", 0.0)
    async with limited(settings, answer_processes=1) as client:
        for _ in range(round(SECONDS_MAX / 0.05)):
            if ahead := workers():
                break
            await asyncio.sleep(0.05)
        await answer(client, LIVE, **THEN)
        assert workers() == ahead, "that process answers"


async def test_what_replays_history_steps_back_behind_other_sessions(settings: ComplianceSettings) -> None:
    """A process in a session of its own is behind others only if its session is, where Linux groups by session."""
    async with limited(settings, **LIMITED) as client:
        await answer(client, LIVE, **THEN)
        [pid] = workers()
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
        assert session_niceness(pid) in (NICENESS, None)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the processes of PostgreSQL keep their niceness")
async def test_the_process_of_postgresql_behind_it_steps_back_and_the_one_that_draws_a_barrier_does_not(
    settings: ComplianceSettings, sandbox_database: Database
) -> None:
    """Appends wait for the lock of a barrier."""
    set_clock(sandbox_database, NOW + timedelta(days=1))
    async with limited(settings, **LIMITED) as client:
        await answer(client, LIVE, **THEN)
        [pid] = workers()
        stepped_back = os.getpriority(os.PRIO_PROCESS, pid)
        behind = {pid for pid, niceness in database_processes(sandbox_database).items() if niceness == stepped_back}
        assert len(behind) == 1
        assert {session_niceness(pid) for pid in behind} <= {stepped_back, None}
        with psycopg.connect(sandbox_database.owner_url) as holder:
            holder.execute("LOCK TABLE certification.recording IN SHARE MODE")
            before = database_processes(sandbox_database).keys()
            asked = asyncio.create_task(ask(client, LIVE, known_at=instant_text(NOW + timedelta(hours=1))))
            drawing: set[int] = set()
            for _ in range(round(SECONDS_MAX / 0.05)):
                if drawing := database_processes(sandbox_database).keys() - before:
                    break
                await asyncio.sleep(0.05)
            assert database_processes(sandbox_database)[drawing.pop()] < stepped_back
        assert (await asked).status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the processes of PostgreSQL keep their niceness")
async def test_a_process_of_a_server_that_others_started_keeps_its_niceness(sandbox_database: Database) -> None:
    with psycopg.connect(sandbox_database.owner_url) as connection:
        pid = connection.info.backend_pid
        before = os.getpriority(os.PRIO_PROCESS, pid)
        lower_database_session(pid, os.getppid(), before + 1)
        lower_database_session(2**22 + 1, os.getpid(), before + 1)
        assert os.getpriority(os.PRIO_PROCESS, pid) == before
        lower_database_session(pid, os.getpid(), before + 1)
        assert os.getpriority(os.PRIO_PROCESS, pid) == before + 1


async def test_who_finds_the_queue_full_is_told_to_come_back_while_live_answers_come(
    settings: ComplianceSettings, sandbox_database: Database
) -> None:
    async with limited(settings, **LIMITED) as client:
        with log_locked(sandbox_database):
            asked = [asyncio.create_task(ask(client, LIVE, **THEN)) for _ in range(5)]
            done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            while len(done) < 3:
                done, waiting = await asyncio.wait(asked, timeout=0.05)
            listed = await answer(client, "partners", product="S200P", limit=1)
            assert listed["partners"][0]["status"] == "suspended"
            assert len(waiting) == 2, "one is with the process, one in the queue"
            assert all(refused(task.result(), "too-many-questions") for task in done)
        assert [response.status_code for response in await asyncio.gather(*waiting)] == [200, 200]


@pytest.mark.parametrize("queue_max", [8, 40])
async def test_a_full_queue_has_room_for_who_asks_less(
    settings: ComplianceSettings, sandbox_database: Database, queue_max: int
) -> None:
    """About one id, or in all; the caller with most questions in the queue gives way."""
    pool = AnsweringPool(settings.model_copy(update={**LIMITED, "answer_queue_max": queue_max}))
    ids = ["P1"] if queue_max == 8 else ["P1", "P2", "P3", "P4"]
    fit = 4 if queue_max == 8 else queue_max

    async def call(name: str, partner_id: str) -> bool:
        caller_name.set(name)
        try:
            await pool.ask(partner_id, PartnerStandings(partner_id=partner_id))
        except NeverMentioned:
            return True
        except TooManyQuestions:
            return False
        return True

    async with pool.running():
        with log_locked(sandbox_database):
            hot = [asyncio.create_task(call("hot", ids[number % len(ids)])) for number in range(60)]
            await asyncio.sleep(0)
            other = [asyncio.create_task(call("other", ids[0])) for _ in range(2)]
            await asyncio.sleep(0)
        assert await asyncio.gather(*other) == [True, True]
        assert sum(await asyncio.gather(*hot)) == 1 + fit - 2, "one is with the process, and two gave way"


async def test_an_id_that_is_asked_again_has_its_turn_among_ids_that_are_new(settings: ComplianceSettings) -> None:
    pool = AnsweringPool(settings.model_copy(update={**LIMITED, "answer_queue_max": 40}))
    answered: list[str] = []
    busy = asyncio.Event()

    async def asked(partner_id: str) -> None:
        with pytest.raises(NeverMentioned):
            await pool.ask(partner_id, PartnerStandings(partner_id=partner_id))
        answered.append(partner_id)
        if len(answered) > 5:
            busy.set()

    async def one_after_the_other(begin: int) -> None:
        for number in range(begin, begin + 20):
            await asked(f"new-{number}")

    async with pool.running():
        others = [asyncio.create_task(one_after_the_other(100 * each)) for each in range(3)]
        await busy.wait()
        await asked("again")
        await asked("again")
        assert len(answered) < 30
        await asyncio.gather(*others)


async def test_a_question_beyond_its_budget_is_refused_and_the_next_is_answered(
    settings: ComplianceSettings, sandbox_database: Database
) -> None:
    async with limited(settings, answer_processes=1, answer_seconds_max=2) as client:
        await answer(client, LIVE, **THEN)
        with log_locked(sandbox_database):
            assert refused(await ask(client, LIVE, **THEN), "takes-too-long")
        [frozen] = workers()
        os.kill(frozen, signal.SIGSTOP)
        assert refused(await ask(client, LIVE, **THEN), "takes-too-long")
        assert gone(frozen), "it is ended, and another takes its place"
        await answer(client, LIVE, **THEN)
        assert frozen not in workers()


async def test_a_process_that_dies_costs_its_question_alone(settings: ComplianceSettings) -> None:
    async with limited(settings, answer_processes=1) as client:
        await answer(client, LIVE, **THEN)
        [pid] = workers()
        os.kill(pid, signal.SIGSTOP)
        asked = asyncio.create_task(ask(client, LIVE, **THEN))
        waiting = asyncio.create_task(ask(client, "partners/P2", **THEN))
        await answer(client, LIVE)
        os.kill(pid, signal.SIGKILL)
        assert refused(await asked, "database-unavailable")
        assert (await waiting).status_code == 200


@pytest.mark.parametrize(
    "problem", [BlockingIOError(errno.EAGAIN, "no further process"), TimeoutError("no further process")]
)
async def test_it_says_why_no_process_starts_and_recovers_though_nobody_asks(
    settings: ComplianceSettings, monkeypatch: pytest.MonkeyPatch, problem: OSError
) -> None:
    """A question is never told that its answer takes too long."""
    monkeypatch.setattr(pool, "RECOVERY_SECONDS", 0.01)
    start = ChildProcess.start

    async def cannot(_: str) -> ChildProcess:
        raise problem

    async def ready(client: httpx.AsyncClient) -> tuple[bool, bool]:
        text = (await client.get(f"{ORIGIN}/compliance/readyz")).text
        return "No process that replays history" in text, "no further process" in text

    async with limited(settings, answer_processes=1) as client:
        monkeypatch.setattr(ChildProcess, "start", cannot)
        assert await ready(client) == (False, False)
        assert refused(await ask(client, LIVE, **THEN), "database-unavailable")
        assert await ready(client) == (True, True)
        monkeypatch.setattr(ChildProcess, "start", start)
        for _ in range(round(SECONDS_MAX / 0.05)):
            if await ready(client) == (False, False):
                break
            await asyncio.sleep(0.05)
        assert len(workers()) == 1
        await answer(client, LIVE, **THEN)


async def test_one_partner_never_takes_every_process(settings: ComplianceSettings) -> None:
    async with limited(settings, answer_processes=2, answer_seconds_max=SECONDS_MAX) as client:
        await answer(client, LIVE, **THEN)
        [pid] = workers()
        os.kill(pid, signal.SIGSTOP)
        about_one = [asyncio.create_task(ask(client, LIVE, **THEN)) for _ in range(3)]
        await answer(client, LIVE)
        assert (await answer(client, "partners/P2", **THEN))["partner_id"] == "P2"
        assert not any(task.done() for task in about_one)
        os.kill(pid, signal.SIGCONT)
        assert [response.status_code for response in await asyncio.gather(*about_one)] == [200] * 3


async def test_who_waits_with_the_same_question_gets_the_same_answer_by_one_replay(
    settings: ComplianceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that was begun before a question came is not the answer to it: more may be known by then."""
    asked: list[bytes] = []
    call = ChildProcess.call

    async def counted(process: ChildProcess, message: bytes, seconds_max: float) -> bytes:
        asked.append(message)
        return await call(process, message, seconds_max)

    monkeypatch.setattr(ChildProcess, "call", counted)
    async with limited(settings, answer_processes=1, answer_seconds_max=SECONDS_MAX) as client:
        await answer(client, LIVE, **THEN)
        [pid] = workers()
        os.kill(pid, signal.SIGSTOP)
        first = asyncio.create_task(ask(client, LIVE, **THEN))
        await answer(client, LIVE)
        asked.clear()
        equal = [asyncio.create_task(ask(client, LIVE, **THEN)) for _ in range(30)]
        other = asyncio.create_task(ask(client, "partners/P2", **THEN))
        await answer(client, LIVE)
        equal[0].cancel()
        os.kill(pid, signal.SIGCONT)
        bodies = {(await task).content for task in (first, *equal[1:])}
        assert len(bodies) == 1
        assert (await other).json()["partner_id"] == "P2"
        assert len(asked) == 2, "that of the thirty, and that about another partner"


async def test_who_hangs_up_leaves_the_queue(settings: ComplianceSettings) -> None:
    async with limited(settings, **LIMITED) as client:
        await answer(client, LIVE, **THEN)
        [pid] = workers()
        os.kill(pid, signal.SIGSTOP)
        first = asyncio.create_task(ask(client, LIVE, **THEN))
        await answer(client, LIVE)
        impatient = asyncio.create_task(ask(client, LIVE, **THEN))
        await answer(client, LIVE)
        assert refused(await ask(client, LIVE, **THEN), "too-many-questions")
        impatient.cancel()
        await asyncio.wait([impatient])
        patient = asyncio.create_task(ask(client, LIVE, **THEN))
        await answer(client, LIVE)
        assert not patient.done()
        os.kill(pid, signal.SIGCONT)
        assert [(await task).status_code for task in (first, patient)] == [200, 200]
