"""The grounds of an explanation of a standing: the situation, the people, and the facts that it names."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, NamedTuple

from services.compliance.policy.consultant_at_partner import ConsultantAtPartner
from services.compliance.policy.counting_partner import Counted
from services.compliance.policy.enrolment import Enrolment
from services.compliance.policy.situation import Replacement, Situation

PEOPLE_MAX: Final = 100
"""The most people that an explanation names of each sort: who count, who were lost last, who are linked only."""


class Grounds(NamedTuple):
    """The grounds of an explanation: the situation at `at`, and everybody whom the partner's facts name."""

    product: str
    at: datetime
    situation: Situation
    people: Mapping[str, ConsultantAtPartner]

    def fact_ids(self) -> list[str]:
        """The facts that the explanation names, each once."""
        situation, enrolment = self.situation, self.situation.enrolment
        reached = () if situation.reached_at is None else situation.reached_facts(situation.reached_at)
        named = chain(
            () if enrolment is None else (*kind_facts(enrolment), *programme_facts(enrolment)),
            reached[: 3 * PEOPLE_MAX],
            chain.from_iterable(situation.counted[consultant_id] for consultant_id in self._counted()),
            chain.from_iterable(time.end_facts for _, time in self.losses()[:PEOPLE_MAX]),
            chain.from_iterable(window_facts(replacement) for replacement in situation.unfilled),
        )
        return list(dict.fromkeys(named))

    def _counted(self) -> Sequence[str]:
        return self.situation.counted_ids[:PEOPLE_MAX]

    def losses(self) -> list[tuple[str, Counted]]:
        """The people who counted before `at` and do not count then, with their last time; the latest loss first."""
        found = []
        for consultant_id, person in self.people.items():
            ended = [time for time in person.counted(self.product) if time.end is not None and time.end <= self.at]
            if ended and consultant_id not in self.situation.counted:
                found.append((consultant_id, ended[-1]))
        return sorted(found, key=_latest_first, reverse=True)

    def linked_only(self, partner_id: str) -> list[str]:
        """The people who are linked to the partner at `at` and do not count there, sorted."""
        return sorted(
            consultant_id
            for consultant_id, person in self.people.items()
            if consultant_id not in self.situation.counted and person.links.linked_at(partner_id, self.at)
        )


def kind_facts(enrolment: Enrolment) -> tuple[str, ...]:
    """The facts that give the kind, and the revision that sets its minimum."""
    return (*enrolment.kind_facts, *(() if enrolment.least is None else enrolment.least.fact_ids))


def programme_facts(enrolment: Enrolment) -> tuple[str, ...]:
    """The facts that give the programme, and the revision by which the programme is not eligible."""
    return (*enrolment.programme_facts, *(() if enrolment.eligible is None else enrolment.eligible.fact_ids))


def window_facts(replacement: Replacement) -> tuple[str, ...]:
    """The facts that opened the window, and the revision that says how long the window runs."""
    return tuple(dict.fromkeys((*replacement.opened_facts, *replacement.days.fact_ids)))


def _latest_first(loss: tuple[str, Counted]) -> tuple[datetime, str]:
    consultant_id, time = loss
    assert time.end is not None
    return time.end, consultant_id
