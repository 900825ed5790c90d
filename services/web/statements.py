"""SQL in `.sql` files, each beside the module that runs it."""

import re
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def statements(module_file: str | Path, **values: str) -> dict[str, str]:
    """Name to statement, from the `.sql` file of the module's name. Each follows a line `-- name: NAME`.

    `{NAME}` in a statement stands for one of the `values`, or for an earlier statement.
    """
    _, *parts = _NAME.split(Path(module_file).with_suffix(".sql").read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        found[name] = text.format(**values, **found)
    return found
