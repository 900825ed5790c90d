"""Products in the calls of both services (R2)."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from pydantic import WithJsonSchema

from services.web.refusal import UnknownProduct

FORMAT: Final = "product"
"""Marks a product in a schema until `services.web.openapi` lists those sold."""

Product = Annotated[str, WithJsonSchema({"type": "string", "format": FORMAT, "examples": ["S200P"]})]
"""A product in a path, a query or a body: any text, until `require_sold` judges it."""


def require_sold(products: Iterable[str], sold: Sequence[str], parameter: str | None = "product") -> None:
    """Raises `UnknownProduct`, which lists what is sold. `parameter`: the part of the request that names them."""
    for product in products:
        if product not in sold:
            raise UnknownProduct(f"{product[:100]!r} is not sold; the products sold are {', '.join(sold)}.", parameter)
