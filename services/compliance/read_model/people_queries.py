"""Lists of people from the read model, in pages by key: right by the clock, whether or not a timer has fired."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.policy.consultant_times import ConsultantRecord, MaintenanceDuty
from services.compliance.read_model.list_queries import with_filters
from services.compliance.read_model.names import CONSULTANT_FOUND
from services.web.statements import statements

_SQL: Final = statements(__file__)
_CERTIFIED: Final = "(width_bucket($4::timestamptz, c.certified) % 2 = 1) = {}"


class DutyPlace(NamedTuple):
    """Where something that is owed stands in the list of all."""

    due_on: date
    portal_change_id: str
    consultant_id: str
    product: str


async def present_consultants(
    connection: Connection,
    at: datetime,
    after: tuple[str, str],
    limit: int,
    *,
    partner_id: str | None,
    product: str | None,
    certified: bool | None,
    q: str | None,
) -> list[tuple[str, str]]:
    """A page of people and products after a place. `partner_id`: only who is linked to it at the instant."""
    arguments: list[Any] = [*after, limit, at]
    name = "consultants"
    if partner_id is not None:
        arguments.append(partner_id)
        name = "consultants_of_partner"
    filters = [
        ("c.product = {}", product),
        (_CERTIFIED, certified),
        (CONSULTANT_FOUND.format(column="c.consultant_id", part="{0}"), q),
    ]
    return [tuple(row) for row in await with_filters(connection, _SQL[name], arguments, filters)]


async def present_duties(
    connection: Connection,
    at: datetime,
    after: DutyPlace,
    limit: int,
    *,
    partner_id: str | None,
    portal_change_id: str | None,
    product: str | None,
    due_before: date | None,
) -> list[DutyPlace]:
    """A page of what is owed at the instant, after a place. `due_before`: only what is due on a day before this."""
    filters = [
        ("d.portal_change_id = {}", portal_change_id),
        ("d.product = {}", product),
        ("d.due_on < {}", due_before),
        (_SQL["linked_to"].replace("{partner}", "{}"), partner_id),
    ]
    return [DutyPlace(*row) for row in await with_filters(connection, _SQL["owed"], [*after, at, limit], filters)]


async def present_records(connection: Connection, consultant_ids: Sequence[str]) -> dict[str, ConsultantRecord]:
    """What is known of these people, by id."""
    found = {consultant_id: ConsultantRecord({}, {}, []) for consultant_id in consultant_ids}
    for consultant_id, product, certified in await connection.fetch(_SQL["certifications"], consultant_ids):
        found[consultant_id].certified[product] = tuple(certified)
    for consultant_id, partner_id, counting in await connection.fetch(_SQL["links"], consultant_ids):
        found[consultant_id].counting[partner_id] = tuple(counting)
    duties = await connection.fetch(_SQL["duties"], consultant_ids)
    for consultant_id, rows in groupby(duties, key=lambda row: row["consultant_id"]):
        found[consultant_id].duties.extend(
            MaintenanceDuty(product, portal_change_id, due_on, tuple(owed))
            for _, product, portal_change_id, due_on, owed in rows
        )
    return found
