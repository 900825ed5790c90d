"""What certification publishes, after every fact of a random history, against the definition."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given

from shared.events.facts import (
    CertificationRevoked,
    ConsultantCertified,
    Decision,
    MaintenanceCompleted,
    Period,
)
from tests.oracle.histories import PRODUCTS, History, histories
from tests.oracle.rules.expected_statements import grants_of, maintenance_of
from tests.oracle.rules.knowledge import in_force
from tests.policy.comparison import Case
from tests.policy.test_laws import anything

Subject = tuple[str, ...]


@anything
@given(histories())
def test_the_last_statements_are_what_holds(history: History) -> None:
    """R4, R7, R25, R32, R33, R37: nothing is stated that does not hold, nothing that holds is left out, nothing is
    said twice."""
    case = Case(history)
    stated: dict[Subject, Decision] = {}
    for known, group in enumerate(case.groups, start=1):
        for fact in group[1:]:
            decision = fact.data
            assert isinstance(decision, ConsultantCertified | CertificationRevoked | MaintenanceCompleted)
            assert stated.get(subject(decision)) != decision
            assert subject(decision) in stated or decision.periods
            stated[subject(decision)] = decision
        if group:
            assert {key: said(decision) for key, decision in stated.items() if decision.periods} == held(case, known)


@anything
@given(histories())
def test_a_grant_that_ended_is_stated_as_revoked(history: History) -> None:
    """Certified while some period has no end, else revoked."""
    for group in Case(history).groups:
        for fact in group[1:]:
            match fact.data:
                case ConsultantCertified(periods=periods):
                    assert any(period.end is None for period in periods)
                case CertificationRevoked(periods=periods):
                    assert all(period.end is not None for period in periods)
                case _:
                    pass


def subject(decision: Decision) -> Subject:
    """What the statement is about; the last one about it stands."""
    if isinstance(decision, MaintenanceCompleted):
        return (decision.consultant_id, decision.product, decision.portal_change_id)
    return (decision.consultant_id, decision.product, decision.grant_id)


def said(decision: Decision) -> Any:
    if isinstance(decision, MaintenanceCompleted):
        return instants(decision.periods)
    return decision.granted_at, instants(decision.periods)


def instants(periods: Sequence[Period]) -> Any:
    return tuple((period.start, period.end) for period in periods)


def held(case: Case, known: int) -> dict[Subject, Any]:
    """By definition, every grant and every maintenance that ever holds, knowing so many facts."""
    facts = in_force(case.history[:known])
    found: dict[Subject, Any] = {}
    for consultant in case.consultants:
        for product in PRODUCTS:
            for grant_id, grant in grants_of(facts, consultant, product).items():
                found[consultant, product, grant_id] = (grant.granted_at, grant.periods)
            for change, periods in maintenance_of(facts, consultant, product).items():
                found[consultant, product, change] = periods
    return found
