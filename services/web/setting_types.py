"""Settings that several components read alike: the database and the products."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

_SCHEMES: Final = ("postgresql://", "postgres://")
_OF_OUR_OWN: Final = re.compile(r"postgresql://[a-z_]+@/[a-z_]+\?host=(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})+&port=[0-9]+")
"""The URL of a server that we started; libpq, which checks all others, takes a tenth of a start to load."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _check_url(url: SecretStr) -> SecretStr:
    """Raises `ValueError`, which never repeats the URL: it can hold a password."""
    written = url.get_secret_value()
    if not written.startswith(_SCHEMES):
        raise ValueError("the URL of a PostgreSQL begins with postgresql://")
    if _OF_OUR_OWN.fullmatch(written):
        return url
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(written)
    except ProgrammingError:
        raise ValueError("it is no URL; write postgresql://user:password@host:5432/database") from None
    return url


def _check_products(products: tuple[str, ...]) -> tuple[str, ...]:
    """Raises `ValueError` for a product that no path could name, and for one listed twice."""
    for product in products:
        if not _ID.fullmatch(product):
            raise ValueError(f"{product!r} is not an id, which is 1 to 64 characters of A-Z a-z 0-9 _ -")
    if len(set(products)) < len(products):
        raise ValueError("each product is named once")
    return products


DatabaseUrl = Annotated[SecretStr, AfterValidator(_check_url)]
Products = Annotated[
    tuple[str, ...],
    Field(validation_alias="SAGECERT_PRODUCTS", min_length=1, max_length=10),
    AfterValidator(_check_products),
]
"""What is sold (R2). With more products a compliance event could exceed 64 KiB."""

PublicNames = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-]{1,253}$")], ...],
    Field(validation_alias="SAGECERT_PUBLIC_NAMES", max_length=20),
]
"""Names beside localhost by which callers without a key may call the system: host names, without a port."""

ReadersMax = Annotated[int, Field(validation_alias="SAGECERT_FEED_READERS_MAX", ge=1)]
"""How many streams and long polls a service keeps open."""
ReadersPerCallerMax = Annotated[int, Field(validation_alias="SAGECERT_FEED_READERS_PER_CALLER_MAX", ge=1)]
"""The same for one caller, identified by its address."""

READERS_MAX: Final = 2_000
READERS_PER_CALLER_MAX: Final = 1_200
PRODUCTS: Final = ("S200P", "S200S")
