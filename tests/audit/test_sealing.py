"""The sealer against the real database: what an entry is, and what a checkpoint says of it."""

import asyncio
from pathlib import Path
from typing import Final

from psycopg import Connection

from services.audit.merkle import root_of
from services.audit.note import VerifierKey, open_note
from tests.audit.seals import EVENTS, FACTS, derive, leaves, seal
from tests.compliance.log import Log
from tests.databases import Database
from tests.oracle.histories import seeded
from tests.policy.fact_log import recorded

SEALED: Final = """
    SELECT l.origin, c.size, c.root, c.note
    FROM audit.checkpoint c JOIN audit.log l ON l.name = c.log WHERE l.name = %s
"""


def test_a_checkpoint_is_the_root_over_every_column_and_the_exact_bytes(
    database: Database, owner: Connection, tmp_path: Path
) -> None:
    Log(owner).write(group for group in recorded(seeded(3)) if group)
    owner.execute("SET timezone = 'UTC'")
    asyncio.run(derive(database))
    seal(database, tmp_path)

    keys = [VerifierKey.parse(line) for line in (tmp_path / "verifier-keys").read_text().splitlines()]
    for name, log in (("facts", FACTS), ("compliance", EVENTS)):
        hashes = leaves(owner, log)
        assert len(hashes) > 2
        row = owner.execute(SEALED, [name]).fetchone()
        assert row is not None
        origin, size, root, note = row
        assert (size, bytes(root)) == (len(hashes), root_of(hashes))
        text, signed = open_note(note, keys)
        assert text.splitlines()[:2] == [origin, str(size)]
        assert signed[0].name == origin
        assert (tmp_path / f"{name}.note").read_text() == note
