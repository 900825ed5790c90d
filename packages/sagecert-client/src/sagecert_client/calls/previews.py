"""Calls about previews. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import OMITTED, Omitted, Request
from sagecert_client.types import compliance as compliance_types


def preview(
    *,
    facts: list[compliance_types.HypotheticalFactBody],
    after: str | Omitted | None = OMITTED,
    limit: int | Omitted = OMITTED,
) -> Request[compliance_types.PreviewAnswer]:
    """Which answers and announcements would change, and for whom, if these facts were recorded now."""
    return Request.of("POST /compliance/v1/previews", locals(), body="needed")
