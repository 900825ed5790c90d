"""Calls about sealed logs. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import FileRequest


def checkpoint() -> FileRequest:
    """The latest checkpoint that counts, as a signed note with its cosignatures."""
    return FileRequest.of("GET /audit/v1/checkpoint", locals())


def bundle(a: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/tile/entries/{a}", locals())


def tile(level: str, a: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/tile/{level}/{a}", locals())


def bundle_2(a: str, b: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/tile/entries/{a}/{b}", locals())


def tile_2(level: str, a: str, b: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/tile/{level}/{a}/{b}", locals())


def bundle_3(a: str, b: str, c: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/tile/entries/{a}/{b}/{c}", locals())


def tile_3(level: str, a: str, b: str, c: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/tile/{level}/{a}/{b}/{c}", locals())


def bundle_4(a: str, b: str, c: str, d: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/tile/entries/{a}/{b}/{c}/{d}", locals())


def tile_4(level: str, a: str, b: str, c: str, d: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/tile/{level}/{a}/{b}/{c}/{d}", locals())


def compliance_checkpoint() -> FileRequest:
    """The latest checkpoint that counts, as a signed note with its cosignatures."""
    return FileRequest.of("GET /audit/v1/compliance/checkpoint", locals())


def compliance_bundle(a: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/compliance/tile/entries/{a}", locals())


def compliance_tile(level: str, a: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/compliance/tile/{level}/{a}", locals())


def compliance_bundle_2(a: str, b: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/compliance/tile/entries/{a}/{b}", locals())


def compliance_tile_2(level: str, a: str, b: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/compliance/tile/{level}/{a}/{b}", locals())


def compliance_bundle_3(a: str, b: str, c: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/compliance/tile/entries/{a}/{b}/{c}", locals())


def compliance_tile_3(level: str, a: str, b: str, c: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/compliance/tile/{level}/{a}/{b}/{c}", locals())


def compliance_bundle_4(a: str, b: str, c: str, d: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/compliance/tile/entries/{a}/{b}/{c}/{d}", locals())


def compliance_tile_4(level: str, a: str, b: str, c: str, d: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/compliance/tile/{level}/{a}/{b}/{c}/{d}", locals())


def claims_checkpoint() -> FileRequest:
    """The latest checkpoint that counts, as a signed note with its cosignatures."""
    return FileRequest.of("GET /audit/v1/claim-log/checkpoint", locals())


def claims_bundle(a: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/claim-log/tile/entries/{a}", locals())


def claims_tile(level: str, a: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/claim-log/tile/{level}/{a}", locals())


def claims_bundle_2(a: str, b: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/claim-log/tile/entries/{a}/{b}", locals())


def claims_tile_2(level: str, a: str, b: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/claim-log/tile/{level}/{a}/{b}", locals())


def claims_bundle_3(a: str, b: str, c: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/claim-log/tile/entries/{a}/{b}/{c}", locals())


def claims_tile_3(level: str, a: str, b: str, c: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/claim-log/tile/{level}/{a}/{b}/{c}", locals())


def claims_bundle_4(a: str, b: str, c: str, d: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes."""
    return FileRequest.of("GET /audit/v1/claim-log/tile/entries/{a}/{b}/{c}/{d}", locals())


def claims_tile_4(level: str, a: str, b: str, c: str, d: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
    return FileRequest.of("GET /audit/v1/claim-log/tile/{level}/{a}/{b}/{c}/{d}", locals())


def fact_proof(fact_id: str) -> FileRequest:
    """The inclusion of a fact in the log of facts, as a `.tlog-proof` (C2SP): its index, hashes and a checkpoint."""
    return FileRequest.of("GET /certification/v1/facts/{fact_id}/proof", locals())
