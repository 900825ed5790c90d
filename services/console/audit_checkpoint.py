"""Checkpoints of the audit trail (C2SP tlog-checkpoint), taken apart to be shown; nothing is verified here."""

from typing import Final, NamedTuple

_SIGNED: Final = "\N{EM DASH} "


class Checkpoint(NamedTuple):
    """`origin`: the name of the log; `size`: its entries; `root`: its hash. `witnesses`: who cosigned it besides."""

    origin: str
    size: int
    root: str
    witnesses: tuple[str, ...]
    note: str


def parse_checkpoint(note: str) -> Checkpoint | None:
    """The parts of a signed note; None: it is none."""
    text, _, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if len(lines) < 3 or not lines[1].isascii() or not lines[1].isdecimal():
        return None
    origin, size, root = lines[:3]
    signers = [line.removeprefix(_SIGNED).partition(" ")[0] for line in signatures.splitlines() if line.strip()]
    return Checkpoint(origin, int(size), root, tuple(name for name in signers if name != origin), note)
