"""Which products are sold (R2)."""

from collections.abc import Collection

from services.certification.domain.refusals import UnknownProduct
from shared.events.facts import Reported, products_of


def refuse_unknown(data: Reported, sold: Collection[str]) -> None:
    """Raises `UnknownProduct` where a fact names a product that is not among those sold."""
    for product in products_of(data):
        if product not in sold:
            raise UnknownProduct(f"{product[:100]!r} is not sold; sold are {', '.join(sold)}.")
