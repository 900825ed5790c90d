"""Calls about keys. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import Request
from sagecert_client.types import certification as certification_types


def caller() -> Request[certification_types.CallerAnswer]:
    """The name and the scopes of the key that makes this call."""
    return Request.of("GET /certification/v1/caller", locals())
