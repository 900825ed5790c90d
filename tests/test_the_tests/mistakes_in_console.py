"""Mistakes that are easily made in the pages for people, each with who must notice it."""

from typing import Final

from tests.test_the_tests.mistakes_in_delivery import Mistake

CONSOLE: Final = "services/console"

MISTAKES: Final = (
    # Who is let in, and for how long ----------------------------------------------------------------
    Mistake(
        "a form is taken without the token of its session",
        f"{CONSOLE}/page.py",
        "if not self.is_of_this_origin or not is_from_the_session(self.session, token):",
        "if not self.is_of_this_origin:",
        "console/test_session.py::test_a_form_from_elsewhere_is_refused",
    ),
    Mistake(
        "a form of another site is taken",
        f"{CONSOLE}/page.py",
        "if not self.is_of_this_origin or not is_from_the_session(self.session, token):",
        "if not is_from_the_session(self.session, token):",
        "console/test_session.py::test_a_form_from_elsewhere_is_refused",
    ),
    Mistake(
        "a session never ends",
        f"{CONSOLE}/session.py",
        "ttl=self._seconds_max",
        "ttl=None",
        "console/test_session.py::test_a_session_ends_in_time",
    ),
    Mistake(
        "scripts read the session",
        f"{CONSOLE}/session.py",
        "secure=is_https(request), httponly=True",
        "secure=is_https(request), httponly=False",
        "console/test_session.py::test_a_key_signs_in_once_and_leads_back_to_the_wanted_page",
    ),
    Mistake(
        "the session goes over plain http",
        f"{CONSOLE}/session.py",
        "secure=is_https(request)",
        "secure=False",
        "console/test_session.py::test_over_https_the_session_never_goes_over_plain_http",
    ),
    Mistake(
        "signing out keeps the session",
        f"{CONSOLE}/sign_in.py",
        "    end(response)\n",
        "",
        "console/test_session.py::test_signing_out_ends_the_session_of_the_browser",
    ),
    Mistake(
        "a stranger learns which pages there are",
        f"{CONSOLE}/service_questions.py",
        "return answer.status != 401",
        "return True",
        "console/test_session.py::test_a_visitor_without_a_session_sees_nothing_and_learns_nothing",
    ),
    Mistake(
        "signing in leads anywhere",
        f"{CONSOLE}/sign_in.py",
        'shown.redirect(_local(shown.form.get("next")))',
        'shown.redirect(shown.form.get("next") or "/")',
        "console/test_session.py::test_signing_in_leads_to_no_other_origin",
    ),
    Mistake(
        "keys are guessed as fast as anybody likes",
        f"{CONSOLE}/sign_in.py",
        "if wrong.is_full(address):",
        "if not address:",
        "console/test_session.py::test_further_wrong_keys_of_an_address_are_not_looked_at",
    ),
    Mistake(
        "what another site typed is kept through signing in",
        f"{CONSOLE}/page.py",
        "        and shown.is_of_this_origin\n        and form_kept_for_sign_in",
        "        and form_kept_for_sign_in",
        "console/test_session.py::test_nothing_that_another_site_typed_is_kept",
    ),
    Mistake(
        "a draft leads to any form",
        f"{CONSOLE}/form_kept_for_sign_in.py",
        "return draft if is_kept(draft.path) else None",
        "return draft",
        "console/test_session.py::test_a_draft_of_something_else_is_dropped",
    ),
    # What a page shows, and what it runs --------------------------------------------------------------
    Mistake(
        "what a service says is markup",
        f"{CONSOLE}/templating.py",
        "autoescape=True",
        "autoescape=False",
        "console/test_pages.py::test_what_a_service_says_is_never_markup",
    ),
    Mistake(
        "pages are framed by others",
        f"{CONSOLE}/security_headers.py",
        "frame-ancestors 'none'",
        "frame-ancestors *",
        "console/test_pages.py::test_the_browser_runs_and_loads_only_what_this_origin_serves",
    ),
    Mistake(
        "pages about people stay in caches",
        f"{CONSOLE}/security_headers.py",
        '            headers.setdefault("Cache-Control", "no-store")\n',
        "",
        "console/test_pages.py::test_the_browser_runs_and_loads_only_what_this_origin_serves",
    ),
    Mistake(
        "an id leads to another path",
        f"{CONSOLE}/service_questions.py",
        'quote(part, safe="")',
        "quote(part)",
        "console/test_pages.py::test_an_id_leads_to_no_other_path",
    ),
    Mistake(
        "a page waits for a service for ever",
        f"{CONSOLE}/service_client.py",
        "async with asyncio.timeout(self._seconds_max), self._free:",
        "async with self._free:",
        "console/test_pages.py::test_a_service_that_does_not_answer_in_time_is_a_plain_sentence",
    ),
    Mistake(
        "the moment of a view is lost on the way to the service",
        f"{CONSOLE}/pages/portal_changes.py",
        'owed = {**moment, "portal_change_id": change_id}',
        'owed = {"portal_change_id": change_id}',
        "console/test_portal_changes.py::test_who_must_still_do_maintenance_by_partner",
    ),
    Mistake(
        "a filter of the address is not asked",
        f"{CONSOLE}/pages/partners.py",
        ', "q": shown.query.get("q")}',
        "}",
        "console/test_partners.py::test_the_filters_of_the_address_are_asked_and_shown",
    ),
    Mistake(
        "times of London are those of Greenwich",
        f"{CONSOLE}/dates.py",
        ".astimezone(LONDON)",
        ".astimezone(UTC)",
        "console/test_plain_words.py::test_a_sentence_says_days_in_words",
    ),
    Mistake(
        "changes of last week are of yesterday",
        f"{CONSOLE}/pages/today.py",
        ' if dates.day_of(event["recordedtime"]) >= day]',
        "]",
        "console/test_today.py::test_who_must_act_and_what_changed",
    ),
    Mistake(
        "a page asks a question more",
        f"{CONSOLE}/pages/partner.py",
        '        people=ask.panel(f"{about}/consultants", limit=PEOPLE_SHOWN, **view.params),',
        '        people=ask.panel(f"{about}/consultants", limit=PEOPLE_SHOWN, **view.params),'
        '\n        policy=ask.panel("/compliance/v1/policy"),',
        "console/test_questions_of_a_page.py::test_no_page_asks_more_than_five_questions",
    ),
    # What is recorded ---------------------------------------------------------------------------------
    Mistake(
        "looking at a preview records it",
        f"{CONSOLE}/pages/record.py",
        '        if step == "record":',
        "        if step:",
        "console/test_record.py::test_what_a_fact_changes_is_shown_before_it_is_recorded",
    ),
    Mistake(
        "a form that is sent twice records two facts",
        f"{CONSOLE}/pages/record.py",
        'key = shown.form.get("idempotency_key") or shown.new_idempotency_key()',
        "key = shown.new_idempotency_key()",
        "console/test_record.py::test_a_form_that_is_sent_twice_has_one_key",
    ),
    Mistake(
        "what was typed into a refused form is lost",
        f"{CONSOLE}/pages/record.py",
        "_ask_again(shown, report, values, key, refused)",
        "_ask_again(shown, report, {}, key, refused)",
        "console/test_record.py::test_what_is_refused_stands_beside_its_field_and_nothing_typed_is_lost",
    ),
    Mistake(
        "the first of several namesakes is meant",
        f"{CONSOLE}/who_is_meant.py",
        "return next(iter(found)) if len(found) == 1 and",
        "return next(iter(found)) if found and",
        "console/test_who_is_meant.py::test_a_name_of_several_or_of_nobody_is_asked_about",
    ),
)
