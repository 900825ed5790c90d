"""Calls about names. Written by `python -m tests.client.generator --write`; do not edit."""

from collections.abc import Sequence

from sagecert_client.request import Request
from sagecert_client.types import compliance as compliance_types


def names(
    *, partner_id: Sequence[str] | None = None, consultant_id: Sequence[str] | None = None
) -> Request[compliance_types.NamesAnswer]:
    """The present names of these partners and consultants. Names are kept in profiles; no fact holds one."""
    return Request.of("GET /compliance/v1/names", locals())
