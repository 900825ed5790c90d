"""A batch of the worst lines never keeps the event loop from others: it pauses between lines that take long."""

import json
from collections.abc import Coroutine
from time import process_time
from typing import Any, Final

import pytest
from pydantic import SecretStr

from services.certification.api.batches import _LineReader
from services.certification.app import create_app
from services.certification.settings import CertificationSettings
from services.web import long_work
from services.web.long_work import LongWork
from services.web.scopes import LOCAL

APP: Final = create_app(CertificationSettings(database_url=SecretStr("postgresql://unused")))
PATH: Final = "/certification/v1/partners"
LINES: Final = 64


def longest_share(work: Coroutine[Any, Any, object]) -> float:
    """Of the processor time that the work takes, how much it takes at most without a pause."""
    stretches: list[float] = []
    more = True
    while more:
        began = process_time()
        try:
            work.send(None)
        except StopIteration:
            more = False
        stretches.append(process_time() - began)
    return max(stretches) / sum(stretches)


@pytest.mark.parametrize(
    "body",
    [
        {"partner_id": [{}] * 3_900},
        {f"member{number}": {f"part{part}": 1 for part in range(80)} for number in range(90)},
        {"partner_id": list(range(7_900))},
    ],
    ids=["objects", "members", "numbers"],
)
def test_the_longest_stretch_is_some_lines_of_many(body: object) -> None:
    reader = _LineReader(APP.state.fact_routes, LOCAL, history=False)
    line = json.dumps({"path": PATH, "idempotency_key": "k", "body": body}).encode()
    assert longest_share(reader.read([line])) > 0.9
    assert longest_share(reader.read([line] * LINES)) < 0.3


async def test_work_that_takes_no_time_makes_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_work, "SECONDS_AT_ONCE", 1_000)
    work = LongWork()

    async def short() -> None:
        for _ in range(1_000):
            await work.pause()

    with pytest.raises(StopIteration):
        short().send(None)
