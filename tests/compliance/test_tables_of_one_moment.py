"""The whole of a table is of one moment, whatever is recorded while it is read."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any, Final

import psycopg
import pytest

from services.compliance.api import consultant_lists, facts_without_effect, lists
from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from services.compliance.settings import ComplianceSettings
from services.web import lists_as_csv
from shared.events.facts import ConsultantLeft, ConsultantLinked, PartnerEnrolled
from tests.compliance.asking import ask, asking
from tests.compliance.log import OURS, Log, as_follower, set_clock, settings_for
from tests.compliance.seed import DAY, SeedFacts
from tests.compliance.twelve_partners import HEAD, NOW, PARTNERS, told
from tests.databases import Database

LISTS: Final[dict[str, Callable[..., Any]]] = {
    "partners": lists.partners,
    "windows": lists.windows,
    "consultants": consultant_lists.consultants,
    "maintenance": consultant_lists.maintenance,
    "facts-without-effect": facts_without_effect.facts_without_effect,
}
LATER: Final = NOW + timedelta(days=40)


async def project(settings: ComplianceSettings, now: datetime) -> None:
    connection = await connect(as_follower(settings))
    await Projector(connection, OURS, "test").advance_fully(now)
    await connection.close()


def recorded_meanwhile() -> SeedFacts:
    """Everybody loses another person, and new partners and people come, by whom every list changes."""
    telling = SeedFacts()
    telling.groups = told()
    for partner in PARTNERS:
        telling.tell(NOW + DAY, ConsultantLeft(partner, f"{partner}-A"))
        telling.tell(NOW + DAY, PartnerEnrolled(f"{partner}-new", "VAR", "PARTNER_SUCCESS"))
        telling.tell(NOW + DAY, ConsultantLinked(f"{partner}-new", f"{partner}-C"))
        telling.tell(NOW + DAY, ConsultantLeft(partner, "nobody"))
    return telling


@pytest.mark.parametrize("path", LISTS)
async def test_what_is_recorded_while_a_table_is_read_is_in_none_of_its_rows(
    path: str, sandbox_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(sandbox_database)
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        log = Log(owner)
        log.write(told())
        await project(settings, NOW)
        declared = lists_as_csv.declared_list(LISTS[path])
        assert declared is not None
        monkeypatch.setattr(LISTS[path], "_list_of", declared._replace(rows_max=1))
        async with asking(settings) as client:
            before = await ask(client, f"{path}.csv")
            following, groups = lists_as_csv._Pages._following, list(recorded_meanwhile().groups[len(told()) :])

            async def recording(pages: Any, after: str) -> dict[str, Any]:
                if groups:
                    log = Log(owner)
                    log.write(told()[:0])
                    log.write(groups)
                    groups.clear()
                    await project(settings, NOW)
                    set_clock(sandbox_database, LATER)
                return await following(pages, after)

            monkeypatch.setattr(lists_as_csv._Pages, "_following", recording)
            during = await ask(client, f"{path}.csv")
            monkeypatch.setattr(lists_as_csv._Pages, "_following", following)
            after = await ask(client, f"{path}.csv")
    rows = [list(csv.reader(StringIO(table.content.decode("utf-8-sig"), newline=""))) for table in (before, during)]
    assert rows[1] == rows[0]
    assert not groups, "the facts are recorded between two pages"
    assert int(during.headers["answer-position"]) == HEAD
    assert int(after.headers["answer-position"]) > HEAD
    assert after.content != during.content


async def test_a_table_says_for_which_moment_it_is_and_can_be_had_again(sandbox_database: Database) -> None:
    settings = settings_for(sandbox_database)
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(told())
        await project(settings, NOW)
    async with asking(settings) as client:
        table = await ask(client, "partners.csv")
        again = await ask(
            client,
            "partners.csv",
            at=table.headers["answer-at"],
            known_position=table.headers["answer-position"],
        )
    assert again.content == table.content
