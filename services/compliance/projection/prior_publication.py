"""What another policy had published of partners before the present one took over."""

from collections.abc import Sequence

from services.compliance.database import Connection
from services.compliance.projection.replay import PriorPublication
from services.compliance.read_model.batch_write import PolicyUpgrade, published


async def prior_publications(
    connection: Connection, partner_ids: Sequence[str], adopted: PolicyUpgrade | None, schema: str | None = None
) -> dict[str, PriorPublication]:
    """What was published about these partners before the present policy took over; nothing if it published all.

    `schema`: where that was published, if it is not the read model of the connection.
    """
    if adopted is None:
        return {}
    publications = await published(connection, partner_ids, adopted.sequence, schema)
    return {
        partner_id: PriorPublication(adopted.cursor, publication) for partner_id, publication in publications.items()
    }
