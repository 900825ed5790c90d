"""Which of two media types a caller would rather have (RFC 9110, section 12.5.1)."""

import re
from typing import Final

from starlette.datastructures import Headers

from services.web.comma_list_header import listed

HTML: Final = "text/html"
JSON: Final = "application/json"
_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)


def prefers_html(headers: Headers) -> bool:
    """Whether the caller accepts HTML, and rather than JSON; without a preference it gets JSON."""
    return prefers(headers, HTML, JSON)


def prefers(headers: Headers, wanted: str, usual: str) -> bool:
    """Whether the caller accepts one media type, and rather than the usual one."""
    weights: dict[str, float] = {}
    for accepted in listed(headers, "accept").lower().split(","):
        media_type, *parameters = (part.strip() for part in accepted.split(";"))
        found = next((match for parameter in parameters if (match := _WEIGHT.fullmatch(parameter))), None)
        weights[media_type] = float(found[1]) if found else 1.0
    return _weight(weights, wanted) > _weight(weights, usual)


def _weight(weights: dict[str, float], media_type: str) -> float:
    """The weight of the most specific range that names the type; 0: none does."""
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((weights[accepted] for accepted in ranges if accepted in weights), 0.0)
