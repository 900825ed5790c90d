"""Calls about previews. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import JSON, OMITTED, Omitted, Request, body_of, path_of
from sagecert_client.types import compliance as compliance_types


def preview(
    *,
    facts: list[compliance_types.HypotheticalFactBody],
    after: str | Omitted | None = OMITTED,
    limit: int | Omitted = OMITTED,
) -> Request[compliance_types.PreviewAnswer]:
    """What would be answered and announced otherwise, for whom, if these facts were recorded now.

    `POST /compliance/v1/previews`
    """
    return Request(
        method="POST",
        path=path_of("/compliance/v1/previews"),
        body=body_of(facts=facts, after=after, limit=limit),
        headers=JSON,
    )
