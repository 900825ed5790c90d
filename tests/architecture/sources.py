"""The project's own files, as git would publish them, and their syntax trees."""

import ast
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
VERIFIER: Final = "packages/sagecert-verify/src/sagecert_verify/"
PURE: Final = (
    "services/compliance/policy/",
    "services/certification/domain/",
    "shared/events/",
    "shared/rules/",
    "tests/oracle/rules/",
)
"""No clock, no environment, no database: given facts and an instant, an answer."""
PRODUCT: Final = ("services/", "shared/", "packages/")


@cache
def tracked() -> tuple[str, ...]:
    """Paths of the files that git tracks or would track, from the root; outside a checkout, those that are there."""
    listing = subprocess.run(
        # The folder may belong to another account, which git refuses unless that is allowed.
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = listing.stdout.split("\0")
    else:
        paths = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if not _is_made(path)]
    return tuple(sorted(path for path in set(paths) if path and (ROOT / path).is_file()))


def _is_made(path: Path) -> bool:
    made = {".git", ".venv", ".data", ".hypothesis", "__pycache__"}
    return any(part in made or part.endswith("_cache") for part in path.relative_to(ROOT).parts)


def python_files(*folders: str) -> list[str]:
    """Paths of the Python files under these folders (each ends in a slash)."""
    return [path for path in tracked() if path.endswith(".py") and path.startswith(folders)]


@cache
def source(path: str) -> str:
    """The text of a file."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def tree(path: str) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(source(path), path)
