"""Older versions of events, lifted to today's on reading.

An upcast takes the JSON of the `data` of one topic and returns the next topic and its JSON. There
is none yet: every topic is at its first version.
"""

from collections.abc import Callable
from typing import Final

Upcast = Callable[[bytes], tuple[str, bytes]]

UPCASTS: Final[dict[str, Upcast]] = {}
