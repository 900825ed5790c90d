"""Questions about one partner do not take the framework's way; every other call does."""

from typing import Never

import pytest
from fastapi import FastAPI

from tests.compliance.asking import ORIGIN, asking
from tests.databases import Database
from tests.webhooks.calling import settings_for

PARTNERS = f"{ORIGIN}/compliance/v1/partners"
ABOUT_NOBODY = f"{PARTNERS}/nobody"


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
        for path in (PARTNERS, f"{ABOUT_NOBODY}/timeline", f"{PARTNERS}/no%62ody"):
            with pytest.raises(_FrameworkAsked):
                await http.get(path)
