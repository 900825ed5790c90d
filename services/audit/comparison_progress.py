"""How far a log was compared, kept outside the database, so that a restarted process continues from there.

It counts only while the database server runs on, and its counters say that nobody has changed or replaced the table
since, as between two looks of a running process. The rest is hashed again little by little.
"""

import logging
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from services.audit.extension_check import Compared
from services.audit.files_beside_database import KeyDirectory, KeyDirectoryError
from services.audit.sealed_log import LogName

_log: Final = logging.getLogger(__name__)


class _Kept(msgspec.Struct):
    origin: str
    table_state: tuple[str, ...]
    compared: Compared


def keep(directory: KeyDirectory, log: LogName, origin: str, table_state: Iterable[object], compared: Compared) -> None:
    """Keeps it for the next start. A directory that cannot be written only costs time then."""
    kept = _Kept(origin, tuple(map(str, table_state)), compared)
    try:
        encoded = msgspec.json.encode(kept)
        directory.keep_compared(log, sha256(encoded).hexdigest().encode() + b"\n" + encoded)
    except KeyDirectoryError as problem:
        _log.warning("a start of the follower will hash the whole log of %s: %s", log, problem)


def kept(directory: KeyDirectory, log: LogName, origin: str, table_state: Iterable[object]) -> Compared | None:
    """What was compared, if it is of this log and of this state of its table."""
    try:
        checksum, _, encoded = directory.compared(log).partition("\n")
        if sha256(encoded.encode()).hexdigest() != checksum:
            return None
        found = msgspec.json.decode(encoded, type=_Kept)
    except (msgspec.DecodeError, KeyDirectoryError):
        return None
    is_this = found.origin == origin and found.table_state == tuple(map(str, table_state))
    return found.compared if is_this else None
