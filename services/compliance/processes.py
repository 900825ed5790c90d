"""The background processes of compliance, as their heartbeats show them."""

from datetime import datetime
from importlib.metadata import version
from typing import Final, Literal

import msgspec

from services.compliance.database import Connection
from services.compliance.policy.parameters import Parameters
from services.compliance.readiness import LIFE_SECONDS
from services.web.statements import statements

_PROCESSES: Final = statements(__file__)["processes"]


class Process(msgspec.Struct, frozen=True):
    """A follower or a dispatcher. `beat_at`: its last heartbeat; `alive`: that is less than ten seconds ago.

    `trouble`: why it makes no progress, or null. `leads`: of a follower, whether it advanced the projection last.
    `endpoints`: of a dispatcher, to how many it delivers.
    """

    role: Literal["follower", "dispatcher"]
    held_by: str
    beat_at: datetime
    alive: bool
    trouble: str | None
    leads: bool | None
    endpoints: int | None


class ProcessesAnswer(msgspec.Struct, frozen=True):
    """The processes with a heartbeat within an hour, at most two hundred. `now`: by the clock of PostgreSQL itself.

    `version`: of this service; `engine`: that of its rules and `products`. `policy_id`: the policy in force (R39).
    """

    now: datetime
    version: str
    engine: str
    policy_id: str
    products: tuple[str, ...]
    postgresql: str
    processes: tuple[Process, ...]


async def read_processes(connection: Connection, policy_id: str, parameters: Parameters) -> ProcessesAnswer:
    """The processes, the followers first and of each kind the one with the last heartbeat."""
    rows = await connection.fetch(_PROCESSES)
    now: datetime = rows[0]["now"]
    found = tuple(
        Process(role, held_by, beat_at, (now - beat_at).total_seconds() < LIFE_SECONDS, *work)
        for role, held_by, beat_at, *work, _, _ in rows
        if role is not None
    )
    return ProcessesAnswer(
        now=now,
        version=version("sagecert"),
        engine=parameters.version,
        policy_id=policy_id,
        products=parameters.products,
        postgresql=rows[0]["postgresql"],
        processes=found,
    )
