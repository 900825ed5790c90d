"""Lists and questions about one partner do not take the framework's way; every other call does."""

from typing import Never

import pytest
from fastapi import FastAPI

from services.compliance.api import direct_answers
from tests.compliance.asking import ORIGIN, asking
from tests.databases import Database
from tests.webhooks.calling import settings_for

OURS = f"{ORIGIN}/compliance/v1"
PARTNERS = f"{OURS}/partners"
ABOUT_NOBODY = f"{PARTNERS}/nobody"
LISTS = ("partners", "suspensions", "windows", "consultants", "maintenance")


class _FrameworkAsked(Exception):
    pass


async def _refuse(*_: object) -> Never:
    raise _FrameworkAsked


async def test_a_question_about_one_partner_is_answered_directly(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking(settings_for(database, sandbox=False)) as http:
        explained = await http.get(f"{ABOUT_NOBODY}/compliance/S200P?at=yesterday")
        monkeypatch.setattr(FastAPI, "__call__", _refuse)
        for question in (
            "",
            "/compliance/S200P",
            "/authorisations/S200P?customer=new",
            "/compliance/S200P?at=2030-01-01T00:00:00Z",
        ):
            answer = await http.get(ABOUT_NOBODY + question)
            assert (answer.status_code, answer.json()["title"]) == (404, "Never mentioned in any fact"), question
        again = await http.get(f"{ABOUT_NOBODY}/compliance/S200P?at=yesterday")
        assert (again.status_code, again.content) == (422, explained.content)
        assert (await http.get(f"{ABOUT_NOBODY}/compliance/nothing")).status_code == 422
        for path in (f"{ABOUT_NOBODY}/timeline", f"{PARTNERS}/no%62ody"):
            with pytest.raises(_FrameworkAsked):
                await http.get(path)


async def test_a_list_is_answered_directly_and_as_the_framework_answers_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers included, refusals too. The table of a list, by its path or by `Accept`, is the framework's."""
    paths = [f"{OURS}/{path}{query}" for path in LISTS for query in ("", "?limit=2", "?limit=0", "?after=a%00", "?x=1")]
    paths += [f"{ABOUT_NOBODY}/consultants", f"{ABOUT_NOBODY}/consultants?product=nothing"]
    async with asking(settings_for(database, sandbox=False)) as http:
        with monkeypatch.context() as indirect:
            indirect.setattr(direct_answers, "_asked", lambda _: (None, ()))
            framed = [await http.get(path) for path in paths]
        monkeypatch.setattr(FastAPI, "__call__", _refuse)
        for path, expected in zip(paths, framed, strict=True):
            answer = await http.get(path)
            assert (answer.status_code, answer.headers) == (expected.status_code, expected.headers), path
            shown, before = answer.json(), expected.json()
            assert shown | {"at": None, "known_at": None} == before | {"at": None, "known_at": None}, path
        for path, headers in ((f"{PARTNERS}.csv", {}), (PARTNERS, {"Accept": "text/csv"})):
            with pytest.raises(_FrameworkAsked):
                await http.get(path, headers=headers)
