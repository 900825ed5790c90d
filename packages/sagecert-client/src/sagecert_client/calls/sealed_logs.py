"""Calls about sealed logs. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import FileRequest


def checkpoint() -> FileRequest:
    """The latest checkpoint that counts, as a signed note with its cosignatures."""
    return FileRequest.of("GET /audit/v1/checkpoint", locals())


def bundle(*parts: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/tile/entries/{parts}", locals())


def tile(level: str, *parts: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/tile/{level}/{parts}", locals())


def compliance_checkpoint() -> FileRequest:
    """The latest checkpoint that counts, as a signed note with its cosignatures."""
    return FileRequest.of("GET /audit/v1/compliance/checkpoint", locals())


def compliance_bundle(*parts: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/compliance/tile/entries/{parts}", locals())


def compliance_tile(level: str, *parts: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/compliance/tile/{level}/{parts}", locals())


def claims_checkpoint() -> FileRequest:
    """The latest checkpoint that counts, as a signed note with its cosignatures."""
    return FileRequest.of("GET /audit/v1/claim-log/checkpoint", locals())


def claims_bundle(*parts: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/claim-log/tile/entries/{parts}", locals())


def claims_tile(level: str, *parts: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/claim-log/tile/{level}/{parts}", locals())


def fact_proof(fact_id: str) -> FileRequest:
    """The inclusion of a fact in the log of facts, as a `.tlog-proof` (C2SP): its index, hashes and a checkpoint."""
    return FileRequest.of("GET /certification/v1/facts/{fact_id}/proof", locals())
