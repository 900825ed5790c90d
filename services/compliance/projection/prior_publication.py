"""The events that an earlier policy published about partners."""

from collections.abc import Sequence

from services.compliance.database import Connection
from services.compliance.projection.replay import PriorPublication
from services.compliance.read_model.batch_write import load_publications
from services.compliance.read_model.projection_progress import Takeover


async def prior_publications(
    connection: Connection, partner_ids: Sequence[str], takeover: Takeover | None, schema: str | None = None
) -> dict[str, PriorPublication]:
    """What was published about these partners before the present engine took over; nothing if none did.

    `schema`: of the read model that published it, if it is not that of the connection.
    """
    if takeover is None:
        return {}
    publications = await load_publications(connection, partner_ids, takeover.event_position, schema)
    causes = () if takeover.engine_fact_id is None else (takeover.engine_fact_id,)
    return {partner_id: PriorPublication(takeover.cursor, state, causes) for partner_id, state in publications.items()}
