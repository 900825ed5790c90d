"""Records which engine decides, as a fact of the log."""

from typing import TYPE_CHECKING, Final

from services.host.migrate import driver_of
from shared.events.channels import FACTS_CHANNEL
from shared.events.system_facts import OWNER, EngineInstalled

if TYPE_CHECKING:
    from sqlalchemy import Connection

_INSTALL: Final = "UPDATE certification.recording SET engine_id = %s, engine_fact_id = %s"


def record_engine(connection: "Connection", engine: EngineInstalled) -> None:
    """Records the engine, unless it is the one installed, within the transaction of the connection.

    Whoever appends waits until the transaction ends: from then on only this engine decides.
    """
    from services.certification.event_store.append_request import AppendRequest, row
    from services.certification.event_store.streams import routing_of
    from services.host.api_keys.key_commands import append, fact_of_the_owner

    driver = driver_of(connection)
    driver.execute("LOCK TABLE certification.recording IN EXCLUSIVE MODE")
    if driver.execute("SELECT engine_id FROM certification.recording").fetchone() == (engine.engine_id,):
        return
    fact = fact_of_the_owner(engine)
    rows = (row(fact, routing_of(engine, None, None), fact.recorded_at),)
    request = AppendRequest(OWNER, fact.fact_id, "\\x", rows)
    append(driver, request)
    driver.execute(_INSTALL, [engine.engine_id, fact.fact_id])
    driver.execute(f"NOTIFY {FACTS_CHANNEL}")
