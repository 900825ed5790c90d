"""Revisions of the policy: which changed nothing (R35, R39)."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from services.compliance.policy.parameters import Parameters
from services.compliance.policy.policy_timeline import minimum_of
from shared.events.envelope import Fact
from shared.events.facts import PolicyRevised
from shared.rules.no_effect_reasons import Findings


def policy_revisions_without_effect(revisions: Sequence[Fact], parameters: Parameters) -> Findings:
    """The revisions that set no term to another value than the one before, or that are overruled at their instant."""
    held: dict[str, Any] = {
        "window_days": parameters.window_days,
        "reminder_days": parameters.reminder_days,
        "programmes": parameters.programmes,
    }
    held.update(parameters.minimum.items())
    in_order = sorted(revisions, key=attrgetter("effective_at", "position"))
    for _, simultaneous in groupby(in_order, attrgetter("effective_at")):
        group = [(fact, dict(_terms(fact))) for fact in simultaneous]
        last = {term: fact.fact_id for fact, terms in group for term in terms}
        for fact, terms in group:
            deciding = {term: value for term, value in terms.items() if last[term] == fact.fact_id}
            if not deciding:
                yield fact, "overruled"
            elif all(_always(term, value, held, group) for term, value in deciding.items()):
                yield fact, "policy_unchanged"
        for _, terms in group:
            held |= terms


def _terms(fact: Fact) -> Iterator[tuple[str, Any]]:
    """The terms that a revision names, with their values; each minimum by its kind."""
    revision = fact.data
    assert isinstance(revision, PolicyRevised)
    for term in ("window_days", "reminder_days", "programmes"):
        value = getattr(revision, term)
        if value is not None:
            yield term, value
    yield from minimum_of(revision).items()


def _always(term: str, value: Any, held: dict[str, Any], group: Sequence[tuple[Fact, dict[str, Any]]]) -> bool:
    """Whether the term has the value before the instant, and by every other revision of the instant."""
    return held[term] == value and all(terms.get(term, value) == value for _, terms in group)
