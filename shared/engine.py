"""The engine: all that turns facts into decisions, under one id.

Two engines can decide otherwise from the same facts. The one that decides for a system is a fact of its log
(`EngineInstalled`); a process of another one refuses to decide.
"""

from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

from shared.events.system_facts import EngineInstalled

_ROOT: Final = Path(__file__).parents[1]
DECIDING: Final = ("services/certification/domain", "services/compliance/policy", "shared/rules")
"""Where the files lie that decide about people and about partners."""
DISTRIBUTION: Final = "sagecert"
ID_DIGITS: Final = 16


@cache
def engine_for(products: tuple[str, ...]) -> EngineInstalled:
    """The engine of this process, where these products are sold (R2)."""
    code, digest, zones = version(DISTRIBUTION), policy_digest(_ROOT), version("tzdata")
    said = "\n".join((code, digest, zones, *products))
    engine_id = sha256(said.encode()).hexdigest()[:ID_DIGITS]
    return EngineInstalled(engine_id, code, digest, zones, products)


@cache
def policy_digest(root: Path) -> str:
    """SHA-256, in hexadecimal, over a line for each Python file that decides, in the order of `sort`.

    A line is what `sha256sum` writes at the root of the project: the digest of the file, two spaces, and its path.
    """
    paths = (path for directory in DECIDING for path in (root / directory).rglob("*.py"))
    lines = (f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root).as_posix()}\n" for path in paths)
    return sha256("".join(sorted(lines)).encode()).hexdigest()
