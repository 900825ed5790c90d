"""Writing what a batch derived together with the progress."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.compliance.database import Connection
from services.compliance.policy.published_state import PublicationState, PublishedEvent, load_publication
from services.compliance.read_model.projection_progress import ADVANCE, NOTIFY, ProjectionProgress, values_of
from services.compliance.read_model.rows import ConsultantLinkRow, EventRow, PartnerRows, PersonRows, RevisionRow
from services.web.statements import statements
from shared.events.wire import instant_text

_WRITE: Final = statements(__file__, advance=ADVANCE, notify=NOTIFY)["write"]

_PUBLISHED: Final = """
    SELECT partner_id, event_id, type, effective_at, about, data FROM {table}
    WHERE partner_id = ANY($1) AND position <= $2 ORDER BY partner_id, position
"""


class ConcurrentUpdate(Exception):
    """Another process advanced the projection in the meantime."""


async def load_publications(
    connection: Connection, partner_ids: Sequence[str], through: int, schema: str | None = None
) -> dict[str, PublicationState]:
    """What the events up to the position `through` published about each partner; `schema`: of another read model."""
    events: dict[str, list[PublishedEvent]] = {partner_id: [] for partner_id in partner_ids}
    table = "compliance_event" if schema is None else f'"{schema}".compliance_event'
    for partner_id, *event in await connection.fetch(_PUBLISHED.format(table=table), partner_ids, through):
        events[partner_id].append(PublishedEvent(*event))
    return {partner_id: load_publication(published) for partner_id, published in events.items()}


async def write(
    connection: Connection,
    version: int,
    position: int,
    progress: ProjectionProgress,
    derived: Sequence[PartnerRows],
    revisions: Sequence[RevisionRow],
    held_by: str,
) -> int:
    """Replaces the rows of these partners and their people, appends their events and stores the progress.

    `revisions`: of the policy, where one was taken in: all that are known then.

    All or nothing, in one statement, which notifies listeners of the position. `version`: of the progress that all
    this follows from, whose facts end at `position`. Raises `ConcurrentUpdate`, with nothing written, if the progress
    has another version by now. Returns the version of the progress that it wrote.
    """
    events = [_event(row) for row in sorted(row for partner in derived for row in partner.events)]
    people = [(partner.partner_id, person) for partner in derived for person in partner.people]
    window_counts = [(partner.partner_id, *count) for partner in derived for count in partner.window_counts]
    written = await connection.fetchrow(
        _WRITE,
        *values_of(progress, held_by),
        version,
        progress.event_position - len(events),
        *_columns(events, 9),
        *_columns([row for partner in derived for row in partner.standings], 15),
        *_columns(window_counts, 3),
        *_columns([row for partner in derived for row in partner.windows], 10),
        *_columns([(partner.partner_id, partner.due_at) for partner in derived], 2),
        *_columns(revisions, 5),
        *_columns([_person(partner_id, person) for partner_id, person in people], 6),
        *_columns([_as_text(link) for _, person in people if (link := _link_to_write(person)) is not None], 4),
        *_columns([_as_text(row) for _, person in people for row in person.certifications], 4),
        *_columns([_as_text(row) for _, person in people for row in person.duties], 7),
        position,
    )
    if written is None:
        raise ConcurrentUpdate
    written_version: int = written["version"]
    return written_version


def _event(row: EventRow) -> tuple[object, ...]:
    event = row.event
    return (
        event.event_id,
        event.type,
        event.partner_id,
        ",".join(event.products),
        event.effective_at,
        event.recorded_at,
        row.key.position,
        event.about,
        event.data,
    )


def _person(partner_id: str, person: PersonRows) -> tuple[object, ...]:
    """`duties`: by which those that stay are known, of the duties for the `portal_changes`."""
    duties = " ".join(f"{row.product}~{row.portal_change_id}" for row in person.duties)
    portal_changes = None if person.portal_changes is None else " ".join(person.portal_changes)
    return (
        partner_id,
        person.consultant_id,
        person.link is not None,
        bool(person.certifications),
        duties,
        portal_changes,
    )


def _link_to_write(person: PersonRows) -> ConsultantLinkRow | None:
    """Portal changes change no link."""
    return person.link if person.portal_changes is None else None


def _as_text(row: tuple[object, ...]) -> tuple[object, ...]:
    """The row with its times as PostgreSQL writes an array: `unnest` would take one array apart with the other."""
    return tuple(_array(value) if isinstance(value, tuple) else value for value in row)


def _array(instants: tuple[datetime, ...]) -> str:
    return "{" + ",".join(map(instant_text, instants)) + "}"


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    """Rows as columns, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
