"""Mistakes that are easily made in lists, imports, comparisons, previews and reminders, each with who notices it."""

from typing import Final

from tests.test_the_tests.mistakes_in_delivery import Mistake

HISTORICAL: Final = "services/compliance/historical_answers"
LISTS: Final = "compliance/test_consultant_lists.py"
PEOPLE: Final = f"{LISTS}::test_the_present_by_index_is_what_follows_from_the_log[3]"
WINDOWS: Final = f"{LISTS}::test_the_present_by_index_is_what_follows_from_the_log[windows]"
QUESTIONS: Final = "compliance/test_lists.py"
PROJECTION: Final = "services/compliance/projection"
READ_MODEL: Final = "services/compliance/read_model"
RECONCILIATION: Final = "services/cli/reconciliation"
REMINDERS: Final = "services/compliance/reminders"

SHARED: Final = "compliance/test_shared_people.py"
SHARED_LINKS: Final = (
    "policy/test_shared_links.py::test_a_partner_that_reads_the_links_is_as_one_that_follows_them[range(0, 50)]"
)

MISTAKES: Final = (
    # Shared people -------------------------------------------------------------------------------
    Mistake(
        "each of very many partners follows the links of a person itself",
        "services/compliance/projection/batch.py",
        "shared_min: int = 64",
        "shared_min: int = 1_000_000",
        f"{SHARED}::test_ten_times_as_many_partners_of_a_person_cost_ten_times_as_much[50]",
    ),
    Mistake(
        "a partner reads all changes of a person's links, whomever they concern",
        "services/compliance/policy/shared_links.py",
        "        return [number - self._forgotten for number in numbers[first:last]]\n",
        "        return list(range(place, end)) if first <= last else []\n",
        f"{SHARED}::test_ten_times_as_many_partners_of_a_person_cost_ten_times_as_much[None]",
    ),
    Mistake(
        "a partner reads the links of a person as they are known later",
        "services/compliance/policy/shared_links.py",
        "return self._log.get(partner_id) if replaced is None else",
        "return self._log.get(partner_id) if True else",
        SHARED_LINKS,
    ),
    Mistake(
        "a partner reads the links of a person as they were known before",
        "services/compliance/policy/shared_links.py",
        "            self._read(recorded, later + 1)\n",
        "            self._read(recorded, later)\n",
        SHARED_LINKS,
    ),
    Mistake(
        "who newly reaches a partner that ended before is gone on with",
        "services/compliance/projection/shared_people.py",
        "        return {partner_id for partner_id in found if not self.reaches(partner_id)}\n",
        "        return {partner_id for partner_id in found if self.reaches(partner_id)}\n",
        SHARED_LINKS,
    ),
    # Lists ---------------------------------------------------------------------------------------
    Mistake(
        "what timers bring at midnight belongs to the day before",
        "services/web/input_parsing.py",
        "time(), LONDON).astimezone(UTC)\n",
        "time(), LONDON).astimezone(UTC) + timedelta(microseconds=1)\n",
        "compliance/test_recorded_events.py::test_they_go_back_to_an_instant_or_to_the_midnight_that_begins_a_day",
    ),
    Mistake(
        "a partner whose facts change nothing was never mentioned",
        f"{HISTORICAL}/standing_history.py",
        "    if history is None:\n",
        "    if history is None or not history[0]:\n",
        "compliance/test_standing_history.py::test_a_partner_whose_facts_change_nothing_has_no_spans",
    ),
    Mistake(
        "a page begins with the last row of the page before",
        f"{READ_MODEL}/people_queries.sql",
        "ELSE (m.consultant_id, c.product) > ({{id}}, {{product}}) {{filter}}",
        "ELSE (m.consultant_id, c.product) >= ({{id}}, {{product}}) {{filter}}",
        PEOPLE,
    ),
    Mistake(
        "a person of whom every fact was taken back is listed",
        f"{HISTORICAL}/consultant_lists.py",
        "isinstance(fact.data, _TOLD) and fact.fact_id not in voided",
        "isinstance(fact.data, _TOLD)",
        f"{LISTS}::test_who_was_never_linked_to_a_partner_is_listed_while_a_fact_stands",
    ),
    Mistake(
        "of who was never linked, the products behind a page that ends in between are left out",
        f"{READ_MODEL}/people_queries.sql",
        "{{uncounted}} AND (m.consultant_id > {{id}} OR {{product}} < '~')",
        "{{uncounted}} AND m.consultant_id > {{id}}",
        f"{LISTS}::test_who_was_never_linked_to_a_partner_is_listed_while_a_fact_stands",
    ),
    Mistake(
        "a search ends with the rows that it looks at first",
        f"{READ_MODEL}/names.sql",
        "SELECT i.* FROM lacking t CROSS JOIN LATERAL ({{indexed}}) i",
        "SELECT i.* FROM lacking t CROSS JOIN LATERAL ({{indexed}}) i WHERE false",
        "compliance/test_cost.py::test_a_question_reads_no_more_of_a_tenfold_database[True]",
    ),
    Mistake(
        "a search leaves out what is between its first rows and what the indexes find",
        f"{READ_MODEL}/names.sql",
        "SELECT f.* FROM further f WHERE NOT EXISTS (SELECT FROM lacking)",
        "SELECT f.* FROM further f WHERE false",
        WINDOWS,
    ),
    Mistake(
        "what a person has done is kept, whatever is recorded later",
        f"{READ_MODEL}/training_cache.py",
        "if kept is not None and kept[0] == last:",
        "if kept is not None:",
        f"{LISTS}::test_a_list_takes_in_each_further_course_and_score",
    ),
    Mistake(
        "windows that close soon hide one that ends soon",
        f"{READ_MODEL}/totals.sql",
        "LIMIT 1000000 * $4",
        "LIMIT $4",
        f"{QUESTIONS}::test_a_window_that_ends_soon_is_counted_however_many_close_before_it",
    ),
    Mistake(
        "a search compares every id",
        f"{READ_MODEL}/names.py",
        "_SAMPLE_MIN: Final = 100",
        "_SAMPLE_MIN: Final = 30_000",
        "compliance/test_cost.py::test_a_question_reads_no_more_of_a_tenfold_database[True]",
    ),
    Mistake(
        "open windows are looked for among all that ended",
        f"{READ_MODEL}/list_queries.py",
        'f"greatest({first}, known.at)"',
        "first",
        "compliance/test_cost.py::test_a_question_reads_no_more_of_a_tenfold_database[True]",
    ),
    Mistake(
        "a list looks at everything that lies ahead",
        f"{READ_MODEL}/list_queries.sql",
        "WHERE NOT s.ahead AND (s.status,",
        "WHERE (s.status,",
        "compliance/test_cost.py::test_a_question_reads_no_more_of_a_tenfold_database[True]",
    ),
    Mistake(
        "what has begun since the last timer is in no list",
        f"{READ_MODEL}/list_queries.sql",
        "WHERE s.ahead AND s.status = wanted.status AND s.valid_from <= known.at ORDER BY s.valid_from LIMIT 1)",
        "WHERE false)",
        WINDOWS,
    ),
    Mistake(
        "what would follow counts as what holds",
        f"{READ_MODEL}/forecast_rows.py",
        "with_body=size <= BODIES_BYTES_MAX, ahead=True)",
        "with_body=size <= BODIES_BYTES_MAX, ahead=False)",
        WINDOWS,
    ),
    Mistake(
        "a page begins after the person, not after the product on which the page before ended",
        f"{HISTORICAL}/consultant_lists.py",
        "if place > question.after and _wanted(",
        "if place[0] > question.after[0] and _wanted(",
        PEOPLE,
    ),
    Mistake(
        "a list as of a moment ends with the last whole slice of people",
        f"{HISTORICAL}/consultant_lists.py",
        "        if not consultant_ids:\n",
        "        if len(consultant_ids) < PEOPLE_AT_ONCE:\n",
        PEOPLE,
    ),
    Mistake(
        "a list as of a moment ends with the last whole slice of partners",
        f"{HISTORICAL}/lists.py",
        "        if not partner_ids:\n",
        "        if len(partner_ids) < _PARTNERS_AT_ONCE:\n",
        f"{QUESTIONS}::test_lists_of_the_present_and_of_the_same_moment_are_the_same",
    ),
    Mistake(
        "maintenance that is due on a day is due before it",
        f"{READ_MODEL}/people_queries.py",
        '("d.due_on < {}", due_before)',
        '("d.due_on <= {}", due_before)',
        f"{LISTS}::test_maintenance_is_listed_while_it_is_owed",
    ),
    Mistake(
        "who is named by a fact that is not applied yet is found as of no moment",
        f"{READ_MODEL}/names.py",
        "e.notification_id > p.position",
        "e.notification_id > p.position + 1",
        f"{QUESTIONS}::test_whom_a_fact_names_that_is_not_applied_yet_is_found_as_of_its_moment",
    ),
    Mistake(
        "what is due at an instant is due before it",
        f"{READ_MODEL}/list_queries.py",
        '("w.deadline_at < {}", due_before)',
        '("w.deadline_at <= {}", due_before)',
        f"{QUESTIONS}::test_lists_come_in_pages_and_whole",
    ),
    Mistake(
        "every page of recorded events is looked for from the end of the log",
        f"{READ_MODEL}/event_log.sql",
        "e.position < coalesce($2::bigint, 9223372036854775807)",
        "($2::bigint IS NULL OR e.position < $2)",
        "compliance/test_cost.py::test_a_question_reads_no_more_of_a_tenfold_database[True]",
    ),
    Mistake(
        "events are counted from the instant after",
        f"{READ_MODEL}/event_log.py",
        '.replace("{after}", "f.low")',
        '.replace("{after}", "f.low + 1")',
        "compliance/test_recorded_events.py::test_events_are_counted_by_type_since_each_instant",
    ),
    Mistake(
        "a voided registration is listed with those of its next owner",
        "services/certification/event_store/registrations.py",
        "        if not _is_voided(fact_id, facts):",
        "        if facts:",
        "certification/test_registrations.py::test_a_registration_that_is_voided_and_recorded_again_is_of_its_present_owner",
    ),
    Mistake(
        "registrations are listed as they were learned of later",
        "services/certification/event_store/registrations.sql",
        " AND e.recorded_at <= $4\nORDER",
        "\nORDER",
        "certification/test_registrations.py::test_exactly_those_that_stand_are_listed_as_each_answers_alone[1]",
    ),
    Mistake(
        "a person lacks what it has",
        "services/compliance/historical_answers/consultants.py",
        "                item.lacks,",
        "                items[0].lacks,",
        "compliance/test_certifications.py::test_they_are_what_each_alone_and_the_list_say[None]",
    ),
    Mistake(
        "the same instant is compared as it was known then",
        "services/compliance/historical_answers/partner_comparison.py",
        "hindsight=_standings(partner_id, moment.at, present, facts, parameters),",
        "hindsight=_standings(partner_id, moment.at, present, known_then, parameters),",
        "compliance/test_partner_comparison.py::test_each_of_the_three_is_what_its_own_answer_says[moment0]",
    ),
    # Tables --------------------------------------------------------------------------------------
    Mistake(
        "a spreadsheet runs what a cell says",
        "services/web/csv_table.py",
        'return f"\'{text}" if _TAKEN_FOR_OTHER(text) else text',
        "return text",
        "contract/test_csv_table.py::test_a_table_has_a_column_for_each_field_and_is_what_rfc_4180_and_excel_expect",
    ),
    Mistake(
        "a table is the first page of its list",
        "services/web/lists_as_csv.py",
        'following = self._page.get("next") if self._declared.pages else None',
        "following = None",
        "contract/test_lists_as_csv.py::test_a_table_has_the_rows_of_every_page",
    ),
    Mistake(
        "a further portal change takes the maintenance for others away",
        f"{READ_MODEL}/batch_write.sql",
        "AND (n.portal_changes IS NULL OR d.portal_change_id = ANY (string_to_array(n.portal_changes, ' ')))",
        "",
        "compliance/test_consultant_lists.py::test_a_further_portal_change_leaves_the_maintenance_for_others_as_it_is",
    ),
    Mistake(
        "nothing is derived while a slice is written",
        "services/compliance/projection/batch.py",
        "if plan.broadcast and len(partner_ids) > self._limits.partners_here_max:",
        "if plan.broadcast and len(partner_ids) > len(plan.partner_ids):",
        "compliance/test_projection.py::test_the_next_slice_of_a_step_is_derived_while_one_is_written",
    ),
    Mistake(
        "a live table is read as it changes",
        "services/compliance/read_model/shared_snapshot.py",
        "if held is not None:",
        "if held is not None and not held.name:",
        "compliance/test_tables_of_one_moment.py::test_what_is_recorded_while_a_table_is_read_is_in_none_of_its_rows[partners]",
    ),
    # Batches and imports -------------------------------------------------------------------------
    Mistake(
        "what is decided of a loaded fact does not say that it was loaded",
        "services/certification/domain/fact_report.py",
        "            history=by.history,\n",
        "",
        "imports/test_history.py::test_a_loaded_fact_and_what_is_decided_of_it_say_so",
    ),
    Mistake(
        "of the hour that exists twice the first is taken, unasked",
        "services/cli/imports/local_times.py",
        'if repeated == "refuse":',
        'if repeated == nonexistent == "refuse":',
        "imports/test_mappings.py::test_local_times_of_london_are_instants",
    ),
    Mistake(
        "of the hour that exists twice the later is the first",
        "services/cli/imports/local_times.py",
        'return before if repeated == "earlier" else after',
        'return after if repeated == "earlier" else before',
        "imports/test_mappings.py::test_local_times_of_london_are_instants",
    ),
    # Comparing with transcripts ------------------------------------------------------------------
    Mistake(
        "what is dated after the transcript is surplus",
        f"{RECONCILIATION}/differences.py",
        "said not in rows and fact.instant <= self._through]",
        "said not in rows]",
        "reconciliation/test_reconcile.py::test_each_difference_is_named_with_what_ends_it",
    ),
    Mistake(
        "a score that was corrected differs from its transcript",
        f"{RECONCILIATION}/differences.py",
        "latest = max(corrections, key=lambda fact: (fact.instant, fact.position), default=fact)",
        "latest = fact",
        "reconciliation/test_reconcile.py::test_each_difference_is_named_with_what_ends_it",
    ),
    # Previews ------------------------------------------------------------------------------------
    Mistake(
        "a preview shows how it is now as how it would be",
        "services/compliance/policy/preview.py",
        "    after = standings.forecasts(SEGMENTS_MAX)\n",
        "    after = before\n",
        "compliance/test_previews.py::test_what_would_change_and_when",
    ),
    Mistake(
        "a preview ends with its first page",
        f"{HISTORICAL}/previews.py",
        "next=page[compared - 1] if compared < len(candidates) else None",
        "next=None",
        "compliance/test_previews.py::test_what_concerns_everybody_is_previewed_page_by_page",
    ),
    # Reminders -----------------------------------------------------------------------------------
    Mistake(
        "reminders begin with the first event that there ever was",
        f"{REMINDERS}/outbox.sql",
        "SELECT p.event_position FROM progress p",
        "SELECT 0 FROM progress p",
        "compliance/test_reminders.py::test_reminders_begin_with_what_comes",
    ),
    Mistake(
        "a mail that was taken is sent again",
        f"{REMINDERS}/outbox.py",
        '_SQL["sent"], mail.mail_id, mail.attempt)',
        '_SQL["sent"], mail.mail_id, mail.attempt - 1)',
        "compliance/test_reminders.py::test_a_sender_that_is_stopped_records_the_mail_that_it_sends",
    ),
    Mistake(
        "maintenance is told every day",
        f"{REMINDERS}/outbox.sql",
        "d.due_on, n.before), 'maintenance',",
        "d.due_on, $2::date), 'maintenance',",
        "compliance/test_reminders.py::test_maintenance_is_told_seven_days_and_one_day_before",
    ),
    Mistake(
        "a suspension that was taken back is told",
        f"{REMINDERS}/outbox.py",
        "            made.pop(data.retracts.event_id, None)\n",
        "",
        "compliance/test_reminders.py::test_what_is_taken_back_or_over_is_not_told",
    ),
    # Claims --------------------------------------------------------------------------------------
    Mistake(
        "any answer that differs from what is known now was justified",
        "services/compliance/policy/claim_verdict.py",
        'return "justified" if claimed == then else "wrong"',
        'return "justified"',
        "policy/test_claim_verdicts.py::test_a_claim_is_judged_by_what_is_known_now_and_then_by_what_was",
    ),
    # Rebuilds -------------------------------------------------------------------------------------
    Mistake(
        "the last part of what was published is not compared",
        f"{PROJECTION}/comparison.py",
        "for share in range(shares + 1)]",
        "for share in range(shares)]",
        "compliance/test_takeover.py::test_one_event_that_differs_is_found_wherever_it_is[max(position)]",
    ),
    Mistake(
        "an event at the instant that parts two connections is numbered by both",
        f"{PROJECTION}/numbering.sql",
        "FROM derived_event WHERE width_bucket(instant, $1::timestamptz[]) = $2",
        "FROM derived_event WHERE $2 IN (width_bucket(instant, $1::timestamptz[]),"
        " width_bucket(instant - interval '1 us', $1::timestamptz[]))",
        "compliance/test_projection.py::test_a_rebuild_from_nothing_is_the_same_to_the_byte[1]",
    ),
)
