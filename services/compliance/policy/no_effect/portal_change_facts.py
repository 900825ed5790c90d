"""Portal changes and their corrections: which changed nothing (R25, R35, R38)."""

from collections.abc import Sequence
from typing import Any

from services.compliance.policy.no_effect.known_facts import KnownFacts
from services.compliance.policy.portal_change_terms import TERMS, PortalChange, Term, says_nothing
from shared.events.envelope import Fact
from shared.events.facts import PortalChangeCorrected
from shared.rules.no_effect_reasons import Findings, NoEffect


def portal_changes_without_effect(known: KnownFacts) -> Findings:
    """The portal changes that oblige nobody, and the corrections that make no difference."""
    for portal_change_id, change in known.portal_changes.items():
        if not change.significant:
            yield known.declared[portal_change_id], "minor_change"
    for portal_change_id, corrections in known.terms_corrected.items():
        declared = known.portal_changes.get(portal_change_id)
        if declared is None:
            yield from ((correction, "waits_for_portal_change") for correction in corrections)
        else:
            yield from _correction_effects(declared, corrections)


def _correction_effects(change: PortalChange, corrections: Sequence[Fact]) -> Findings:
    """Of each term the last correction that says otherwise than before makes the difference."""
    terms: dict[Term, Any] = {term: getattr(change.declared, term) for term in TERMS}
    last: dict[Term, str] = {}
    differing: dict[str, set[Term]] = {}
    for fact in corrections:
        correction = fact.data
        assert isinstance(correction, PortalChangeCorrected)
        if says_nothing(correction, change.announced_at):
            yield fact, "due_before_announcement"
            continue
        given = {term: value for term in TERMS if (value := getattr(correction, term)) not in (None, terms[term])}
        terms.update(given)
        last.update(dict.fromkeys(given, fact.fact_id))
        differing[fact.fact_id] = set(given)
    for fact in corrections:
        if fact.fact_id in differing:
            decides = {term for term in TERMS if last.get(term) == fact.fact_id}
            why = _why_no_correction(change, differing[fact.fact_id], decides)
            if why is not None:
                yield fact, why


def _why_no_correction(change: PortalChange, differing: set[Term], decides: set[Term]) -> NoEffect | None:
    if not differing:
        return "terms_unchanged"
    if not decides:
        return "corrected_later"
    return None if change.significant or "significant" in decides else "minor_change"
