"""Mistakes that are easily made in answering auditors, each with the test that must notice it."""

from typing import Final

from tests.test_the_tests.mistakes_in_delivery import Mistake

POLICY: Final = "services/compliance/policy"
NO_EFFECT: Final = f"{POLICY}/no_effect"

MISTAKES: Final = (
    Mistake(
        "a departure before a link of its instant is one of somebody unknown",
        f"{NO_EFFECT}/link_facts.py",
        'return "departure_before_link"',
        'return "not_linked"',
        "policy/test_facts_without_effect.py::test_each_reason_has_a_story",
    ),
    Mistake(
        "a link that keeps somebody from counting elsewhere changed nothing",
        f"{NO_EFFECT}/link_facts.py",
        "if any(self._is_crowded(stay) or enrolled_during(",
        "if any(enrolled_during(",
        "policy/test_facts_without_effect.py::test_these_changed_something",
    ),
    Mistake(
        "what overrules another fact of its instant changed nothing",
        f"{NO_EFFECT}/enrolment_facts.py",
        "return self._reigns[place - 1].value if place else None, *reign.overruled",
        "return (self._reigns[place - 1].value if place else None,)",
        "policy/test_facts_without_effect.py::test_these_changed_something",
    ),
    Mistake(
        "an explanation counts from the UTC day of the loss",
        f"{POLICY}/explanation.py",
        "lost_on = window.opened_at.astimezone(LONDON).date()",
        "lost_on = window.opened_at.date()",
        "policy/test_explanation.py::test_the_arithmetic_of_a_deadline",
    ),
    Mistake(
        "who was lost is somebody who counts again",
        f"{POLICY}/standing_origin.py",
        "if consultant_id not in counted:",
        "if consultant_id:",
        "policy/test_standing_origin.py::test_a_status_holds_since_when_it_says_and_the_last_loss_is_the_last",
    ),
    Mistake(
        "a status that is foreseen holds since the one before",
        f"{POLICY}/standing_origin.py",
        "before.since if then.status == was else instant",
        "before.since",
        "policy/test_standing_origin.py::test_a_status_holds_since_when_it_says_and_the_last_loss_is_the_last",
    ),
    Mistake(
        "who counts elsewhere is near",
        f"{POLICY}/near_people.py",
        "return holds(self.counting, at) and not holds(self.certified, at)",
        "return not holds(self.certified, at)",
        "compliance/test_mends.py::test_an_answer_says_who_is_nearest_and_what_each_lacks",
    ),
    Mistake(
        "values of a page are not escaped",
        "services/compliance/api/printed_explanation.py",
        'Markup("<td>{}</td>").format(cell)',
        'Markup(f"<td>{cell}</td>")',
        "compliance/test_explanations.py::test_every_value_of_a_page_is_escaped",
    ),
    Mistake(
        "that a partner becomes known is no change",
        f"{POLICY}/learned_changes.py",
        "return any(changed) or partner_facts.mentioned != mentioned",
        "return any(changed)",
        "policy/test_learned_changes.py::test_replaying_each_position_gives_exactly_the_listed_differences",
    ),
    Mistake(
        "a what-if leaves the past aside",
        f"{POLICY}/hypothetical_policy.py",
        "return *summary, tuple(map(_window, standing.windows)), standing.suspensions",
        "return summary",
        "policy/test_hypothetical_policy.py::test_a_what_if_reports_exactly_what_differs_with_one_revision_more",
    ),
    Mistake(
        "a what-if that is taken up again is judged from what is known now",
        "services/compliance/what_ifs/runs.py",
        "        if taken.position is None:",
        "        if True:",
        "compliance/test_what_ifs.py::test_what_a_killed_process_had_begun_is_taken_up_at_the_same_moment",
    ),
)
