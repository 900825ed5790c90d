"""Tasks handed out to processes, a few at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Final, TypeVar

_TASKS_AHEAD: Final = 3
"""Tasks queued per process besides the running one."""

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


async def run_in_order(
    pool: ProcessPoolExecutor, processes: int, tasks: AsyncIterator[_Task], run: Callable[[_Task], _Result]
) -> AsyncIterator[_Result]:
    """The results in the order of the tasks, each taken only as earlier ones are done. Raises what one raises."""
    loop = asyncio.get_running_loop()
    handed_out: deque[asyncio.Future[_Result]] = deque()
    try:
        async for task in tasks:
            if len(handed_out) >= processes * _TASKS_AHEAD:
                yield await handed_out.popleft()
            handed_out.append(loop.run_in_executor(pool, run, task))
        while handed_out:
            yield await handed_out.popleft()
    finally:
        for waiting in handed_out:
            waiting.cancel()
