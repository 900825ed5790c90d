"""The service killed at any instant and started again: what was answered is there, and nothing twice."""

from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from time import sleep

import httpx
import psycopg

from tests.databases import Database
from tests.systems import serving

CALLERS = 4
CALLS = 25
KILLS = 2


def test_callers_who_ask_again_with_their_key_lose_and_double_nothing(database: Database) -> None:
    """R34."""
    settings = {"SAGECERT_CERTIFICATION_DATABASE_URL": database.certification_url}
    url = [""]
    answers: dict[str, bytes] = {}
    seldom = Random(0)

    def tell(key: str) -> bytes:
        """Asks until there is an answer."""
        while True:
            try:
                answer = http.post(
                    f"{url[0]}/certification/v1/recognised-certifications",
                    json={"consultant_id": f"C{len(key) % 3}", "product": "S200P"},
                    headers={"Idempotency-Key": key},
                )
            except httpx.HTTPError:
                sleep(0.02)
                continue
            assert answer.status_code in (200, 201), answer.text
            return answer.content

    def work(number: int) -> None:
        for turn in range(CALLS):
            answers[f"{number}-{turn}"] = tell(f"{number}-{turn}")

    with httpx.Client(timeout=10) as http, ThreadPoolExecutor(CALLERS) as callers:
        working: list[Future[None]] = []
        for _ in range(KILLS):
            with serving(settings, "certification", "serve") as (process, url[0]):
                working = working or [callers.submit(work, number) for number in range(CALLERS)]
                sleep(0.1 + seldom.random() / 5)
                process.kill()
        with serving(settings, "certification", "serve") as (_, url[0]):
            for done in working:
                done.result()
            again = {key: tell(key) for key in answers}
    assert again == answers
    with psycopg.connect(database.owner_url) as owner:
        rows = owner.execute(
            "SELECT idempotency_key, notification_id FROM certification.stored_events ORDER BY 2"
        ).fetchall()
    assert sorted(key for key, _ in rows if key is not None) == sorted(answers)
    assert [position for _, position in rows] == list(range(1, 2 * len(answers) + 1))
