"""How often a process looks for garbage that refers to itself."""

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 10, 10)
"""Python's own begin with 700 objects: less than what a hundred requests under way hold, each of which is looked at."""


def collect_seldom() -> None:
    """What is loaded by now stays for good; of the rest, little goes round in circles, and is looked for now and then.

    A fifth of the time of a busy dispatcher went there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
