"""The events that an earlier policy published about partners."""

from collections.abc import Sequence

from services.compliance.database import Connection
from services.compliance.projection.replay import PriorPublication
from services.compliance.read_model.batch_write import load_publications
from services.compliance.read_model.checkpoint import PolicyUpgrade


async def prior_publications(
    connection: Connection, partner_ids: Sequence[str], upgrade: PolicyUpgrade | None, schema: str | None = None
) -> dict[str, PriorPublication]:
    """What was published about these partners before the policy upgrade; nothing if there was none.

    `schema`: of the read model that published it, if it is not that of the connection.
    """
    if upgrade is None:
        return {}
    publications = await load_publications(connection, partner_ids, upgrade.event_position, schema)
    causes = () if upgrade.engine_fact_id is None else (upgrade.engine_fact_id,)
    return {partner_id: PriorPublication(upgrade.cursor, state, causes) for partner_id, state in publications.items()}
