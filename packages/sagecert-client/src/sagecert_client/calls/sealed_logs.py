"""Calls about sealed logs. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import FileRequest, path_of


def checkpoint() -> FileRequest:
    """The latest checkpoint that counts, as a signed note with its cosignatures.

    `GET /audit/v1/checkpoint`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/checkpoint"))


def bundle(a: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes.

    `GET /audit/v1/tile/entries/{a}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/tile/entries/{a}", a=a))


def tile(level: str, a: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`.

    `GET /audit/v1/tile/{level}/{a}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/tile/{level}/{a}", level=level, a=a))


def bundle_2(a: str, b: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes.

    `GET /audit/v1/tile/entries/{a}/{b}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/tile/entries/{a}/{b}", a=a, b=b))


def tile_2(level: str, a: str, b: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`.

    `GET /audit/v1/tile/{level}/{a}/{b}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/tile/{level}/{a}/{b}", level=level, a=a, b=b))


def bundle_3(a: str, b: str, c: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes.

    `GET /audit/v1/tile/entries/{a}/{b}/{c}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/tile/entries/{a}/{b}/{c}", a=a, b=b, c=c))


def tile_3(level: str, a: str, b: str, c: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`.

    `GET /audit/v1/tile/{level}/{a}/{b}/{c}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/tile/{level}/{a}/{b}/{c}", level=level, a=a, b=b, c=c))


def bundle_4(a: str, b: str, c: str, d: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes.

    `GET /audit/v1/tile/entries/{a}/{b}/{c}/{d}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/tile/entries/{a}/{b}/{c}/{d}", a=a, b=b, c=c, d=d))


def tile_4(level: str, a: str, b: str, c: str, d: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`.

    `GET /audit/v1/tile/{level}/{a}/{b}/{c}/{d}`
    """
    return FileRequest(
        method="GET", path=path_of("/audit/v1/tile/{level}/{a}/{b}/{c}/{d}", level=level, a=a, b=b, c=c, d=d)
    )


def compliance_checkpoint() -> FileRequest:
    """The latest checkpoint that counts, as a signed note with its cosignatures.

    `GET /audit/v1/compliance/checkpoint`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/compliance/checkpoint"))


def compliance_bundle(a: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes.

    `GET /audit/v1/compliance/tile/entries/{a}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/compliance/tile/entries/{a}", a=a))


def compliance_tile(level: str, a: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`.

    `GET /audit/v1/compliance/tile/{level}/{a}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/compliance/tile/{level}/{a}", level=level, a=a))


def compliance_bundle_2(a: str, b: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes.

    `GET /audit/v1/compliance/tile/entries/{a}/{b}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/compliance/tile/entries/{a}/{b}", a=a, b=b))


def compliance_tile_2(level: str, a: str, b: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`.

    `GET /audit/v1/compliance/tile/{level}/{a}/{b}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/compliance/tile/{level}/{a}/{b}", level=level, a=a, b=b))


def compliance_bundle_3(a: str, b: str, c: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes.

    `GET /audit/v1/compliance/tile/entries/{a}/{b}/{c}`
    """
    return FileRequest(method="GET", path=path_of("/audit/v1/compliance/tile/entries/{a}/{b}/{c}", a=a, b=b, c=c))


def compliance_tile_3(level: str, a: str, b: str, c: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`.

    `GET /audit/v1/compliance/tile/{level}/{a}/{b}/{c}`
    """
    return FileRequest(
        method="GET", path=path_of("/audit/v1/compliance/tile/{level}/{a}/{b}/{c}", level=level, a=a, b=b, c=c)
    )


def compliance_bundle_4(a: str, b: str, c: str, d: str) -> FileRequest:
    """The entries behind a tile of level 0, each after its length in two bytes.

    `GET /audit/v1/compliance/tile/entries/{a}/{b}/{c}/{d}`
    """
    return FileRequest(
        method="GET", path=path_of("/audit/v1/compliance/tile/entries/{a}/{b}/{c}/{d}", a=a, b=b, c=c, d=d)
    )


def compliance_tile_4(level: str, a: str, b: str, c: str, d: str) -> FileRequest:
    """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`.

    `GET /audit/v1/compliance/tile/{level}/{a}/{b}/{c}/{d}`
    """
    return FileRequest(
        method="GET", path=path_of("/audit/v1/compliance/tile/{level}/{a}/{b}/{c}/{d}", level=level, a=a, b=b, c=c, d=d)
    )


def fact_proof(fact_id: str) -> FileRequest:
    """The inclusion of a fact in the log of facts, as a `.tlog-proof` (C2SP): its index, hashes and a
    checkpoint.

    `GET /certification/v1/facts/{fact_id}/proof`
    """
    return FileRequest(method="GET", path=path_of("/certification/v1/facts/{fact_id}/proof", fact_id=fact_id))
