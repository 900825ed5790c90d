"""What people have done for certifications, kept until a further fact names them: a pure cache of one process."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from services.compliance.database import Connection
from services.compliance.policy.missing_qualifications import Training, training_of
from services.compliance.read_model.training_facts import training_for_certification

KEPT_MAX: Final = 4_000
_ATTEMPTS_MAX: Final = 20
"""People with more attempts are not kept, so that nobody takes much room."""

OfProducts = Mapping[str, Training]


class LastFact(NamedTuple):
    """The last fact about a person, as far as facts are applied.

    `table`: the present table of progress; a rebuild and a reset replace it. `position`: of the fact. A score whose
    registration is not recorded yet is about no person.
    """

    table: int
    position: int


class TrainingCache:
    """By person. Where it is full, it drops the person who was not asked for longest."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[LastFact, OfProducts]] = OrderedDict()

    async def of(self, connection: Connection, people: Mapping[str, LastFact], through: int) -> dict[str, OfProducts]:
        """By person and product, as far as facts are applied, which is up to the position `through`."""
        found, asked = {}, []
        for consultant_id, last in people.items():
            kept = self._kept.get(consultant_id)
            if kept is not None and kept[0] == last:
                self._kept.move_to_end(consultant_id)
                found[consultant_id] = kept[1]
            else:
                asked.append(consultant_id)
        read = await trained(connection, asked, through)
        for consultant_id, training in read.items():
            self._keep(consultant_id, people[consultant_id], training)
        return found | read

    def _keep(self, consultant_id: str, last: LastFact, training: OfProducts) -> None:
        self._kept.pop(consultant_id, None)
        if sum(len(of_product.attempts) for of_product in training.values()) <= _ATTEMPTS_MAX:
            self._kept[consultant_id] = last, training
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)


async def trained(connection: Connection, consultant_ids: Iterable[str], through: int) -> dict[str, OfProducts]:
    """What these people have done by the facts up to the position `through`."""
    asked = sorted(consultant_ids)
    facts = await training_for_certification(connection, asked, through) if asked else {}
    return {consultant_id: training_of(known) for consultant_id, known in facts.items()}
