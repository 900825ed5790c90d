"""Calls about exports. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import FileRequest, path_of, query_of


def export_everything(*, partner_id: str | None = None, until: int | None = None) -> FileRequest:
    """Everything sealed in one file that a stranger verifies offline, or what concerns one partner, with
    proofs.

    `GET /audit/v1/exports`
    """
    return FileRequest(
        method="GET", path=path_of("/audit/v1/exports"), query=query_of(partner_id=partner_id, until=until)
    )
