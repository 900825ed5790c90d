"""Who is nearest to counting, kept until another fact is applied: a pure cache of one process."""

from collections import OrderedDict
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from services.compliance.policy.near_people import Nearest
from services.compliance.read_model.near_people import NearestNow

KEPT_MAX: Final = 10_000


class KeptNearest(NamedTuple):
    """What was found at an instant for a partner and a product, without names: those can be erased at any time.

    It holds until `until` (None: for good) in the same state of the read model: while `table`, its table of progress,
    is not replaced by a rebuild or a reset, and facts are applied up to the same position.
    """

    table: int
    position: int
    since: datetime
    until: datetime | None
    found: Nearest

    @property
    def consultant_ids(self) -> list[str]:
        """Whose names an answer needs."""
        return [person.consultant_id for person in self.found.people]

    def named(self, names: dict[str, str]) -> NearestNow:
        """With the names that people have now."""
        return NearestNow(_with_names(self.found, names), self.until)


class NearestCache:
    """By partner and product; forgets what was not asked for longest."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], KeptNearest] = OrderedDict()

    def get(self, partner_id: str, product: str) -> KeptNearest | None:
        """What is kept. Whether it still holds is for the read model to say."""
        kept = self._kept.get((partner_id, product))
        if kept is not None:
            self._kept.move_to_end((partner_id, product))
        return kept

    def keep(self, partner_id: str, product: str, found: KeptNearest) -> None:
        """Keeps it instead of what was kept before."""
        self._kept[partner_id, product] = found._replace(found=_with_names(found.found, {}))
        self._kept.move_to_end((partner_id, product))
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)


def _with_names(found: Nearest, names: dict[str, str]) -> Nearest:
    people = (msgspec.structs.replace(person, name=names.get(person.consultant_id)) for person in found.people)
    return Nearest(tuple(people), found.omitted)
