"""Which products are sold (R2)."""

from collections.abc import Collection

from services.certification.domain.refusals import UnknownProduct
from shared.events.facts import (
    CertificationRecognised,
    CourseCompleted,
    ExamRegistered,
    PortalChangeDeclared,
    Reported,
    RevocationOrdered,
)


def refuse_unknown(data: Reported, sold: Collection[str]) -> None:
    """Raises `UnknownProduct` where a fact names a product that is not among those sold."""
    match data:
        case CourseCompleted() | ExamRegistered() | CertificationRecognised() | RevocationOrdered():
            named: tuple[str, ...] = (data.product,)
        case PortalChangeDeclared(products=products):
            named = products
        case _:
            return
    for product in named:
        if product not in sold:
            raise UnknownProduct(f"{product[:100]!r} is not sold; sold are {', '.join(sold)}.")
