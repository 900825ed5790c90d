"""The reasons of a standing, in the words of the rules."""

from collections.abc import Iterable, Iterator

from services.compliance.policy.enrolment import CLOSED, MERGED
from services.compliance.policy.reason import Reason
from services.compliance.policy.situation import Replacement, Situation


def standing_reasons(situation: Situation) -> tuple[Reason, ...]:
    """The reasons of the standing in a situation, the most telling first."""
    reasons = [*_of_the_status(situation)]
    if situation.status != "not_enrolled":
        reasons.append(Reason("R20", "Existing customers may be maintained for as long as the partner is enrolled."))
    enrolment = situation.enrolment
    if enrolment is not None and enrolment.least is not None:
        kind = "developer-only partner" if enrolment.kind == "DEVELOPER" else "VAR"
        text = f"The minimum of a {kind} is {enrolment.minimum} (policy {enrolment.least.policy_id})."
        reasons.append(Reason("R10", text, _distinct((*enrolment.kind_facts, *enrolment.least.fact_ids))))
    counted = situation.counted
    text = f"The headcount is {len(counted)}: the people linked to the partner and certified for {situation.product}."
    facts = _distinct(fact for consultant_id in situation.counted_ids for fact in counted[consultant_id])
    reasons.append(Reason("R9", text, facts))
    return tuple(reasons)


def leading_reason(situation: Situation) -> Reason:
    """The first of these reasons."""
    return next(_of_the_status(situation))


def _of_the_status(situation: Situation) -> Iterator[Reason]:
    match situation.status:
        case "not_enrolled":
            yield _not_enrolled(situation)
        case "not_yet_authorised":
            text = "The partner has not reached the minimum yet"
            yield Reason("R12", f"{text}: until it does, no selling to new customers.")
        case "suspended":
            yield from _suspended(situation)
        case "in_window":
            yield from _in_window(situation)
        case "compliant":
            facts = _distinct(() if situation.reached_at is None else situation.reached_facts(situation.reached_at))
            yield Reason("R12", "The minimum was reached, and the headcount is at or above it.", facts)


def _not_enrolled(situation: Situation) -> Reason:
    enrolment = situation.enrolment
    if enrolment is None:
        return Reason("R11", "Not enrolled: no fact says of which kind the partner is.")
    facts = _distinct((*enrolment.kind_facts, *enrolment.programme_facts))
    if enrolment.kind is None:
        return Reason("R11", "Not enrolled: no fact gives the kind of the partner.", facts)
    if enrolment.programme in (CLOSED, MERGED):
        return Reason("R28", f"Not enrolled: the partner was {enrolment.programme}.", enrolment.programme_facts)
    assert enrolment.eligible is not None, "who is in an eligible programme is enrolled"
    programmes, policy_id = ", ".join(enrolment.eligible.value), enrolment.eligible.policy_id
    text = f"Not enrolled: the partner is in none of the programmes {programmes} (policy {policy_id})."
    return Reason("R11", text, _distinct((*facts, *enrolment.eligible.fact_ids)))


def _suspended(situation: Situation) -> Iterator[Reason]:
    expired = [replacement for replacement in situation.unfilled if replacement.window.outcome == "expired"]
    for replacement in expired:
        text = f"A missing consultant was not replaced by {_last_day(replacement)}: no selling to new customers."
        yield Reason("R19", text, _facts_of(replacement))
    if not expired:
        text = "Selling to new customers is reinstated when the headcount is back at the minimum, not before."
        facts = _distinct(fact for replacement in situation.unfilled for fact in replacement.opened_facts)
        yield Reason("R21", text, facts)


def _in_window(situation: Situation) -> Iterator[Reason]:
    for replacement in situation.unfilled:
        text = f"A consultant is missing and must be replaced by the end of {_last_day(replacement)}."
        yield Reason("R13", text, _facts_of(replacement))


def _last_day(replacement: Replacement) -> str:
    """The deadline, with the number that it follows from, and whose number that is (R15, R39)."""
    day, days = replacement.window.deadline_on.isoformat(), replacement.days
    return f"{day} (London, {days.value} days after the loss: policy {days.policy_id})"


def _facts_of(replacement: Replacement) -> tuple[str, ...]:
    return _distinct((*replacement.opened_facts, *replacement.days.fact_ids))


def _distinct(fact_ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact_ids))
