"""Mistakes about revisions of the policy (R39), as those of `mistakes`."""

from typing import Final

from tests.test_the_tests.mistakes import POLICY, Mistake

REVISION_MISTAKES: Final = (
    Mistake(
        "a window has the days of the last revision, whenever it takes effect",
        f"{POLICY}/window_rules.py",
        "self._policy.window_days.at(instant)",
        "self._policy.window_days.at(instant.replace(year=9999))",
        "test_a_window_keeps_the_days_in_force_when_it_opened",
    ),
    Mistake(
        "nobody is tested at the instant of a revision",
        f"{POLICY}/enrolment.py",
        "if not simultaneous and (last is None or _same(last, following)):",
        "if not simultaneous:",
        "test_a_higher_minimum_opens_windows_and_a_lower_one_closes_the_oldest",
    ),
    Mistake(
        "who is known already is not tested at a revision",
        f"{POLICY}/enrolment.py",
        "        if self._facts:\n            self._note(changed.since)",
        "        if False:\n            self._note(changed.since)",
        None,
    ),
    Mistake(
        "a revision holds before its instant",
        f"{POLICY}/policy_timeline.py",
        "return self._settings[known - 1] if known else self._first",
        "return self._settings[max(known - 1, 0)] if self._settings else self._first",
        "test_a_future_revision_shows_ahead_and_holds_from_its_instant",
    ),
    Mistake(
        "a revision that is dated back rewrites what was known",
        "services/certification/domain/policy_revision.py",
        "report.effective_at < now:",
        "False:",
        "test_a_revision_is_never_dated_back_and_its_id_stands_for_one",
        calculator=False,
    ),
    Mistake(
        "of two revisions at one instant the first recorded holds",
        f"{POLICY}/policy_timeline.py",
        "known = bisect_right(self._keys, (instant, _LAST_POSITION))\n        return self._settings[known - 1]",
        "known = bisect_right(self._keys, (instant, _LAST_POSITION))\n        if known:\n"
        "            known = bisect_left(self._keys, (self._keys[known - 1][0], _NO_POSITION)) + 1\n"
        "        return self._settings[known - 1]",
        "test_of_two_revisions_at_one_instant_the_later_recorded_wins_term_by_term",
        calculator=False,
    ),
    Mistake(
        "a voided revision stays in force",
        f"{POLICY}/partner_facts.py",
        "self._policy_changed(self.policy.remove(fact))",
        "pass",
        "test_the_void_of_a_revision_acts_on_all_time_from_its_recording",
    ),
    Mistake(
        "a window keeps the days of a voided revision",
        f"{POLICY}/partner_history.py",
        "changed = sweep.days_changed(days) or changed",
        "changed = changed",
        None,
        calculator=False,
    ),
    Mistake(
        "the minimum of developers is that of every kind",
        f"{POLICY}/policy_timeline.py",
        '{"VAR": revision.minimum.var,',
        '{"VAR": revision.minimum.var or revision.minimum.developer,',
        "test_the_minimum_of_one_kind_leaves_the_other_alone",
    ),
    Mistake(
        "a reminder by the first policy",
        f"{POLICY}/window_rules.py",
        "self._policy.reminder_days.at(instant).value",
        "(7, 1)",
        "test_a_window_reminds_by_the_days_in_force_when_it_opened",
        calculator=False,
    ),
    Mistake(
        "two are always enough",
        f"{POLICY}/sweep.py",
        "return self._policy.minimum_max",
        "return 2",
        "test_a_loss_below_a_higher_minimum_opens_a_window",
        calculator=False,
    ),
)
