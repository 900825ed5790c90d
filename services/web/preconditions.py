"""If-Match (RFC 9110, section 13.1.1): a change is made only to what the caller has seen."""

import re
from typing import Final

_MEMBER: Final = re.compile(r'[ \t]*(?:(W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(?:,|$)')

Expected = frozenset[str] | None
"""The entity tags one of which must be that of the present state; None: any."""


def expected(written: str) -> Expected:
    """The tags of an If-Match; a weak tag never matches. Raises `ValueError`."""
    if written.strip(" \t") == "*":
        return None
    tags = set()
    place = 0
    while place < len(written):
        member = _MEMBER.match(written, place)
        if member is None or member.end() == place:
            raise ValueError('it is * or a list of entity tags in double quotes, such as "3-active"')
        if member[2] and not member[1]:
            tags.add(member[2])
        place = member.end()
    return frozenset(tags)
