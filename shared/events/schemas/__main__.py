"""`python -m shared.events.schemas [--write]`: compare the published schemas with the classes, or renew them."""

import sys

from shared.events import schemas
from shared.events.schemas.compatibility import breaks

USAGE = "usage: python -m shared.events.schemas [--write]"
ADVICE = (
    "A published version is never changed in ways that break its readers. Give the changed event a new topic "
    "(.v2) beside the old class, an upcast in shared/events/upcasts.py and a golden file in tests/contract/golden."
)


def main(arguments: list[str]) -> int:
    """0: files and classes agree; 1: they differ (without --write) or the change is not compatible; 2: misused."""
    if arguments not in ([], ["--write"]):
        print(USAGE, file=sys.stderr)
        return 2
    published, derived = schemas.stored(), schemas.derived()
    broken = [
        f"{name}: {problem}"
        for name, schema in published.items()
        for problem in (breaks(schema, derived[name]) if name in derived else ["the topic would be gone"])
    ]
    if broken:
        print("\n".join([*broken, ADVICE]), file=sys.stderr)
        return 1
    renewed = [name for name, schema in derived.items() if published.get(name) != schema]
    if not arguments:
        print("\n".join(f"{name} differs: run with --write" for name in renewed) or "every schema is up to date")
        return 1 if renewed else 0
    for name in renewed:
        (schemas.FOLDER / name).write_bytes(schemas.file_bytes(derived[name]))
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
