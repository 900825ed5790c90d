"""What the commands that measure take."""

import argparse
from pathlib import Path


def options(description: str | None, *, kept: bool = False, **numbers: float) -> argparse.Namespace:
    """What is given. `numbers`: the default of each option. `kept`: a directory may keep the server's data."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    if kept:
        parser.add_argument("--data-dir", type=Path, help="keeps the server's data, to be measured on again")
    return parser.parse_args()
