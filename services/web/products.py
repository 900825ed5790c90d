"""What is sold, as both services are asked about it (R2)."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from pydantic import WithJsonSchema

FORMAT: Final = "product"
"""Marks a product in a schema, until the document names those that are sold."""

Product = Annotated[str, WithJsonSchema({"type": "string", "format": FORMAT})]
"""A product in a path, a query or a body. Any text will do as such: whether it is sold is another question."""


class NotSold(Exception):
    """No such product is sold (R2). `parameter`: the part of the request that names it."""

    def __init__(self, product: str, sold: Sequence[str], parameter: str) -> None:
        self.detail = f"{product[:100]!r} is not sold; sold are {', '.join(sold)}."
        super().__init__(self.detail)
        self.parameter = parameter


def refuse_unsold(products: Iterable[str], sold: Sequence[str], parameter: str = "product") -> None:
    """Raises `NotSold`, which lists what is sold, where a product is not."""
    for product in products:
        if product not in sold:
            raise NotSold(product, sold, parameter)
