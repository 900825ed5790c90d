"""Calls about exports. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import FileRequest


def export_everything(*, partner_id: str | None = None, until: int | None = None) -> FileRequest:
    """Everything sealed, or everything about one partner with proofs, in one file that anyone can verify offline."""
    return FileRequest.of("GET /audit/v1/exports", locals())
