"""The known facts that changed nothing as of an instant, and why."""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain

import msgspec

from services.compliance.policy.no_effect.certification_facts import (
    courses_without_effect,
    orders_without_effect,
    recognitions_without_effect,
)
from services.compliance.policy.no_effect.enrolment_facts import enrolment_facts_without_effect
from services.compliance.policy.no_effect.known_facts import KnownFacts
from services.compliance.policy.no_effect.link_facts import LinkWalk
from services.compliance.policy.no_effect.policy_revisions import policy_revisions_without_effect
from services.compliance.policy.no_effect.portal_change_facts import portal_changes_without_effect
from services.compliance.policy.parameters import Parameters
from shared.events.envelope import Fact
from shared.rules.exams_without_effect import exams_without_effect
from shared.rules.no_effect_reasons import Findings, NoEffect, takes_effect_later


class FactWithoutEffect(msgspec.Struct, frozen=True):
    """A fact that changed nothing, and why."""

    fact: Fact
    reason: NoEffect


def facts_without_effect(facts: Iterable[Fact], at: datetime, parameters: Parameters) -> list[FactWithoutEffect]:
    """The reported facts that changed nothing by `at`, as far as these facts say, in log order.

    A fact changes something if an answer at some instant would be another without it: the standing of an enrolled
    partner, whether somebody is certified or uses the portal, to whom a portal change is communicated, how many
    attempts are left. Without these facts all answers are the same; each other fact has a part in what is derived. One
    dated after `at` is listed, too: it takes effect later.

    `facts`: in log order. Of a person all of its facts, the whole streams of its registrations, and the closures and
    mergers of the partners that its links can lead to. Of a partner all facts about itself; if it closed or was merged,
    also everything about its people. Every declaration and correction of a portal change, and every revision of the
    policy.
    """
    known_facts = list(facts)
    known = KnownFacts(known_facts, parameters)
    reasons: dict[str, NoEffect] = {fact.fact_id: "voided" for fact in known.voided}
    for fact, reason in _findings(known, parameters):
        reasons.setdefault(fact.fact_id, reason)
    for fact in known_facts:
        if takes_effect_later(fact, at):
            reasons.setdefault(fact.fact_id, "takes_effect_later")
    return [FactWithoutEffect(fact, reasons[fact.fact_id]) for fact in known_facts if fact.fact_id in reasons]


def _findings(known: KnownFacts, parameters: Parameters) -> Findings:
    with_effect = set(known.contested)
    for consultant_id in known.links:
        walk = LinkWalk(known.employment_facts(consultant_id))
        with_effect |= walk.ended
        yield from walk.without_effect(known.timeline)
    for own in known.of_partner.values():
        yield from ((fact, "overruled") for fact in own if fact.fact_id in known.undone)
        came_about = (fact for fact in own if fact.fact_id not in known.undone)
        yield from enrolment_facts_without_effect(came_about, known.policy.programmes, with_effect)
    for registration_id in {*known.scores, *known.corrections}:
        yield from exams_without_effect(
            known.registrations.get(registration_id),
            known.scores.get(registration_id, ()),
            known.corrections.get(registration_id, ()),
            known.grants,
        )
    yield from chain(
        courses_without_effect(known),
        recognitions_without_effect(known),
        orders_without_effect(known),
        portal_changes_without_effect(known),
        policy_revisions_without_effect(known.revisions, parameters),
    )
