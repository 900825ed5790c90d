"""Mistakes that are easily made, each as an edit of one place in the rules or the policy.

An edit whose `old` text is no longer there fails loudly: the list follows the code.
"""

from typing import Final, NamedTuple

POLICY: Final = "services/compliance/policy"


class Mistake(NamedTuple):
    """What is planted. `scenario`: the one that must turn red; None: only the calculator notices it.

    `calculator`: whether the calculator must notice it, too, in the few histories of `check`; what takes a
    rare coincidence is left to the scenario. `seed`: that of the history to try first, where most others miss it.
    """

    name: str
    path: str
    old: str
    new: str
    scenario: str | None
    calculator: bool = True
    seed: int | None = None


MISTAKES: Final = (
    # Windows -------------------------------------------------------------------------------------
    Mistake(
        "29 days",
        f"{POLICY}/parameters.py",
        "window_days: int = 30",
        "window_days: int = 29",
        "test_thirty_days_and_then_no_new_customers",
    ),
    Mistake(
        "31 days",
        f"{POLICY}/parameters.py",
        "window_days: int = 30",
        "window_days: int = 31",
        "test_thirty_days_and_then_no_new_customers",
    ),
    Mistake(
        "720 hours instead of 30 days",
        f"{POLICY}/window_rules.py",
        'Window(instant, day, end_of_london_day(day), None, "open", days.policy_id)',
        'Window(instant, day, datetime.fromtimestamp(instant.timestamp() + 720 * 3600, instant.tzinfo), None, "open",'
        " days.policy_id)",
        "test_the_hour_of_the_loss_does_not_matter",
    ),
    Mistake(
        "the UTC date of the loss",
        f"{POLICY}/calendar.py",
        "london_day(opened_at) + timedelta(days=window_days)",
        "opened_at.date() + timedelta(days=window_days)",
        "test_the_london_date_of_the_loss_counts",
    ),
    Mistake(
        "UTC midnights",
        f"{POLICY}/calendar.py",
        "datetime.combine(day + timedelta(days=1), time(), LONDON).astimezone(UTC)",
        "datetime.combine(day + timedelta(days=1), time(), UTC)",
        "test_days_are_counted_not_hours",
    ),
    Mistake(
        "the deadline ends before the last day instead of after it",
        f"{POLICY}/window_rules.py",
        'Window(instant, day, end_of_london_day(day), None, "open", days.policy_id)',
        'Window(instant, day, london_days_before(end_of_london_day(day), 1), None, "open", days.policy_id)',
        "test_a_microsecond_before_the_deadline_is_in_time",
    ),
    Mistake(
        "a deadline that still includes its instant",
        f"{POLICY}/window_rules.py",
        'if replacement.window.outcome == "expired" else "closed"',
        'if visit.instant > replacement.window.deadline_at else "closed"',
        "test_at_the_deadline_is_late_but_suspends_nobody",
        seed=65,
    ),
    Mistake(
        "facts before timers",
        f"{POLICY}/window_rules.py",
        """        if state.unfilled:
            self._run_timers(visit)
        self._test(visit)
""",
        """        self._test(visit)
        if state.unfilled:
            self._run_timers(visit)
""",
        "test_at_the_deadline_is_late_but_suspends_nobody",
        seed=65,
    ),
    Mistake(
        "the newest window is filled first",
        f"{POLICY}/window_rules.py",
        "unfilled=visit.state.unfilled + visit.opened",
        "unfilled=visit.opened + visit.state.unfilled",
        "test_a_replacement_fills_the_oldest_window",
    ),
    Mistake(
        "every loss opens windows for the whole shortfall",
        f"{POLICY}/window_rules.py",
        "self._open(visit, shortfall - len(state.unfilled))",
        "self._open(visit, shortfall)",
        "test_the_hour_of_the_loss_does_not_matter",
    ),
    Mistake(
        "reinstated by the first replacement",
        f"{POLICY}/window_rules.py",
        "if shortfall == 0 and state.suspended_since is not None",
        "if filled and state.suspended_since is not None",
        "test_reinstated_when_back_at_the_minimum_and_not_before",
    ),
    Mistake(
        "every expired window suspends anew",
        f"{POLICY}/window_rules.py",
        "since = visit.state.suspended_since or visit.instant",
        "since = visit.instant",
        "test_later_deadlines_add_nothing",
    ),
    Mistake(
        "suspensions of zero length are kept",
        f"{POLICY}/window_rules.py",
        "if since is None or since == visit.instant:",
        "if since is None:",
        "test_at_the_deadline_is_late_but_suspends_nobody",
        seed=65,
    ),
    Mistake(
        "windows before the minimum is first reached",
        f"{POLICY}/window_rules.py",
        "            if not shortfall:\n",
        "            if True:\n",
        "test_before_the_minimum_is_first_reached_no_window_runs",
    ),
    Mistake(
        "leaving the programme voids running windows only",
        f"{POLICY}/window_rules.py",
        """            window = replace(replacement.window, outcome="void", closed_at=visit.instant)
""",
        """            if replacement.window.outcome == "expired":
                continue
            window = replace(replacement.window, outcome="void", closed_at=visit.instant)
""",
        "test_leaving_the_programme_voids_what_runs_and_what_expired",
    ),
    Mistake(
        "authorisation survives leaving the programme",
        f"{POLICY}/window_rules.py",
        "visit.state = NOTHING",
        "visit.state = replace(visit.state, unfilled=())",
        "test_leaving_the_programme_voids_what_runs_and_what_expired",
    ),
    Mistake(
        "a late fact judges only the last visit again",
        f"{POLICY}/sweep.py",
        "start = bisect_left(self._visited, since)",
        "start = max(bisect_left(self._visited, since), len(self._visited) - 1)",
        None,
    ),
    Mistake(
        "a late fact is judged up to where the state is as before, whoever counts from there on",
        f"{POLICY}/sweep.py",
        "same = people == 0 or ",
        "same = True or ",
        None,
        seed=139,
    ),
    Mistake(
        "a late fact is judged up to the first instant at which the state is as before, whatever changed later",
        f"{POLICY}/sweep.py",
        "self._late_for_ever or instant <= through",
        "self._late_for_ever",
        None,
    ),
    Mistake(
        "a window stands as it stood when a late fact came",
        f"{POLICY}/sweep.py",
        "for replacement in (*visit.opened, *visit.ended):",
        "for replacement in visit.opened:",
        None,
        calculator=False,
    ),
    Mistake(
        "a reminder a day early",
        f"{POLICY}/calendar.py",
        "timedelta(days=days + 1)",
        "timedelta(days=days + 2)",
        "test_reminders_come_seven_days_and_one_day_before",
        calculator=False,
    ),
    # Counting ------------------------------------------------------------------------------------
    Mistake(
        "one is enough for a VAR",
        f"{POLICY}/parameters.py",
        '"VAR": 2',
        '"VAR": 1',
        "test_a_var_needs_two_and_a_developer_one",
    ),
    Mistake(
        "the latest link wins",
        "shared/rules/active_links.py",
        "self._by_age[0].partner_id",
        "self._by_age[-1].partner_id",
        "test_the_earlier_link_counts",
        seed=96,
    ),
    Mistake(
        "a certification for any product counts for every product",
        f"{POLICY}/consultant_at_partner.py",
        "certification.certified, since, through)",
        'self._certifications.get("S200P", certification).certified, since, through)',
        "test_suspension_is_for_the_product_that_is_short",
    ),
    Mistake(
        "a merger resets the date of the link",
        "shared/rules/active_links.py",
        "moved, known = link._replace(partner_id=survivor), ",
        "moved, known = link._replace(partner_id=survivor, linked_at=endings[0].effective_at), ",
        "test_a_merger_moves_links_with_their_original_date",
        seed=35,
    ),
    Mistake(
        "closure leaves the links alone",
        "shared/rules/active_links.py",
        "                survivor = None\n",
        "                continue\n",
        "test_closure_ends_links_and_frees_people",
    ),
    Mistake(
        "of one instant the first recorded kind holds",
        f"{POLICY}/enrolment.py",
        "yield at, self._facts[index:end]",
        "yield at, self._facts[index:end][::-1]",
        "test_of_two_kinds_at_one_instant_the_later_recorded_holds",
        calculator=False,
    ),
    Mistake(
        "enrolments in the order of delivery",
        f"{POLICY}/enrolment.py",
        "            index = bisect_left(self._keys, key)\n            self._keys",
        "            index = len(self._keys)\n            self._keys",
        None,
        seed=136,
    ),
    Mistake(
        "any partner will do for the portal",
        f"{POLICY}/answers_from_facts.py",
        'return False, Reason("R1", f"No portal use: {employment.counts_for}',
        'return True, Reason("R1", f"No portal use: {employment.counts_for}',
        "test_certified_people_without_an_enrolled_partner_do_not_use_the_portal",
        seed=5,
    ),
    Mistake(
        "partners are told that are enrolled when asked, not when announced",
        f"{POLICY}/answers_from_facts.py",
        "enrolment = timeline.at(in_force.announced_at)",
        "enrolment = timeline.at(at)",
        "test_a_significant_change_is_told_to_every_enrolled_partner",
    ),
    # Maintenance ---------------------------------------------------------------------------------
    Mistake(
        "who is certified at the announcement is bound by it",
        f"{POLICY}/certified_periods.py",
        "obligations[bisect_right(obligations, grant.granted_at, key=_announced_at) :]",
        "[due for due in obligations if grant.granted_at <= due.announced_at]",
        "test_who_is_certified_at_the_announcement_or_later_is_free",
        seed=29,
    ),
    Mistake(
        "a minor change obliges",
        f"{POLICY}/significant_changes.py",
        "if change is not None and change.significant else",
        "if change is not None else",
        "test_a_minor_change_obliges_nobody",
        seed=20,
    ),
    Mistake(
        "a portal change does not reach who was known before it",
        f"{POLICY}/consultant_at_partner.py",
        "certification.obliged(change.after)",
        "pass",
        None,
    ),
    # Corrected portal changes --------------------------------------------------------------------
    Mistake(
        "a correction that follows another is lost",
        f"{POLICY}/portal_change_terms.py",
        "if decided is None or decided[0] != value:",
        "if decided is None:",
        "test_the_last_correction_recorded_of_a_term_wins_and_can_be_voided",
    ),
    Mistake(
        "the first correction wins",
        f"{POLICY}/portal_change_terms.py",
        "in reversed(self._corrections.get((change.portal_change_id, term), {}).items())",
        "in self._corrections.get((change.portal_change_id, term), {}).items()",
        "test_the_last_correction_recorded_of_a_term_wins_and_can_be_voided",
    ),
    Mistake(
        "a correction that comes before its change is lost",
        f"{POLICY}/portal_change_terms.py",
        "case PortalChangeCorrected(portal_change_id) as correction:",
        "case PortalChangeCorrected(portal_change_id) as correction if portal_change_id in self._declared:",
        "test_a_correction_waits_for_its_change",
    ),
    Mistake(
        "a void of the change takes its corrections along",
        f"{POLICY}/portal_change_terms.py",
        "self._declared.pop(portal_change_id, None)",
        "self._declared.pop(portal_change_id, None)\n                self._corrections.clear()",
        "test_a_change_that_is_recorded_again_is_as_corrected",
        calculator=False,
    ),
    Mistake(
        "a voided correction stands",
        f"{POLICY}/portal_change_terms.py",
        "{}).pop(fact.fact_id, None)",
        "{}).get(fact.fact_id)",
        "test_the_last_correction_recorded_of_a_term_wins_and_can_be_voided",
        seed=45,
    ),
    Mistake(
        "a due day before the announcement counts if it waited",
        f"{POLICY}/portal_change_terms.py",
        "if not says_nothing(correction, change.announced_at):",
        "if True:",
        "test_a_correction_that_waited_for_a_change_announced_after_its_due_day_says_nothing",
        calculator=False,
    ),
    Mistake(
        "a product that a correction takes out stays obliged",
        f"{POLICY}/significant_changes.py",
        "if old.get(product) != new.get(product)",
        "if product in new and old.get(product) != new.get(product)",
        "test_products_are_added_and_taken_out",
        calculator=False,
    ),
    Mistake(
        "what is communicated keeps the day that was declared",
        f"{POLICY}/significant_changes.py",
        "change.portal_change_id, 1, change.due_on, products",
        "change.portal_change_id, 1, change.declared.due_on, products",
        "test_corrected_terms_are_announced_anew",
        calculator=False,
    ),
    # Voids ---------------------------------------------------------------------------------------
    Mistake(
        "a voided declaration is communicated",
        f"{POLICY}/portal_change_terms.py",
        "case FactVoided(fact_id) if fact_id in standing:\n                changes.remove(",
        "case FactVoided(fact_id) if False and fact_id in standing:\n                changes.remove(",
        "test_a_portal_change_recorded_again_obliges_by_the_new_terms",
        seed=45,
    ),
    Mistake(
        "a revocation is no reason",
        f"{POLICY}/answers_from_facts.py",
        "if isinstance(fact.data, RevocationOrdered)",
        "if False and isinstance(fact.data, RevocationOrdered)",
        "test_the_reason_is_the_revocation_even_where_it_ended_nothing_yet",
    ),
    Mistake(
        "maintenance is still missing of what was revoked",
        f"{POLICY}/certified_periods.py",
        "end=min((end for end in (gap.end, period.end) if end is not None), default=None),",
        "end=gap.end,",
        "test_who_was_revoked_after_a_lapse_is_not_restored_by_maintenance_and_told_so",
        calculator=False,
    ),
    Mistake(
        "an answer changes only with what it decides",
        f"{POLICY}/answers_from_facts.py",
        "timelines, instant) != says)",
        "timelines, instant)[:2] != says[:2])",
        "test_counting_for_another_partner_is_another_answer",
        calculator=False,
    ),
)
