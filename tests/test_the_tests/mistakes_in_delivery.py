"""Mistakes that are easily made where subscribers are told, by webhooks and by feeds, each with who must notice it."""

from typing import Final, NamedTuple

WEBHOOKS: Final = "services/compliance/webhooks"


class Mistake(NamedTuple):
    """What is planted, as an edit of one place. `noticed_by`: the test that must turn red."""

    name: str
    path: str
    old: str
    new: str
    noticed_by: str


MISTAKES: Final = (
    # Whose turn it is, and what is recorded -------------------------------------------------------
    Mistake(
        "who held the lease before still moves the cursor",
        f"{WEBHOOKS}/delivery/outcome_writer.sql",
        "AND e.fence = w.fence AND",
        "AND",
        "webhooks/test_recording.py::test_who_does_not_hold_it_or_found_it_elsewhere_writes_nothing[otherwise0]",
    ),
    Mistake(
        "a lease is renewed from when the answer comes",
        f"{WEBHOOKS}/delivery/endpoint_delivery.py",
        "self._leased_until = asked_at +",
        "self._leased_until = asyncio.get_running_loop().time() +",
        "webhooks/test_delivering.py::test_a_write_renews_the_lease_from_when_it_was_asked_for",
    ),
    Mistake(
        "the next message goes before the last is recorded",
        f"{WEBHOOKS}/delivery/endpoint_delivery.py",
        "        if not await self._context.recorder.record(write, parkings):",
        "        if self._context.recorder.record(write, parkings) is None:",
        "webhooks/test_delivering.py::test_nothing_is_sent_before_all_before_it_is_recorded",
    ),
    Mistake(
        "it stops before the last reply is recorded",
        f"{WEBHOOKS}/delivery/endpoint_delivery.py",
        "        if not await self._context.recorder.record(write, parkings):",
        "        written = self._context.recorder.record(write, parkings)\n"
        "        if not self.stopping and not await written:",
        "webhooks/test_delivering.py::test_told_to_stop_it_waits_for_the_write_that_is_under_way",
    ),
    Mistake(
        "who is written with many goes on before they are recorded",
        f"{WEBHOOKS}/delivery/outcome_writer.py",
        "        self._waiting.append(pending)\n",
        "        self._waiting.append(pending)\n        pending.complete(unchanged=True)\n",
        "webhooks/test_recording.py::test_who_is_written_with_many_waits_until_all_are_recorded",
    ),
    Mistake(
        "an old secret signs for ever",
        f"{WEBHOOKS}/delivery/leases.sql",
        "s.expires_at > clock_timestamp()) ORDER BY s.number DESC) AS secrets",
        "true) ORDER BY s.number DESC) AS secrets",
        "webhooks/test_delivering.py::test_a_secret_that_was_replaced_signs_until_it_expires",
    ),
    # Numbers -------------------------------------------------------------------------------------
    Mistake(
        "numbers go on in a new epoch",
        f"{WEBHOOKS}/endpoints/store.sql",
        "epoch = epoch + 1, sequence = 0, delivered_sequence = 0,",
        "epoch = epoch + 1,",
        "webhooks/test_endpoints.py::test_a_replay_takes_the_cursor_back_and_what_is_parked_later_with_it",
    ),
    Mistake(
        "another filter begins no epoch",
        f"{WEBHOOKS}/endpoints/store.py",
        "other_filter = now.filter != was.filter",
        "other_filter = False",
        "webhooks/test_endpoints.py::test_another_filter_begins_a_new_epoch_at_the_cursor_and_the_same_does_not",
    ),
    Mistake(
        "the last message of a replay is not marked",
        f"{WEBHOOKS}/message.py",
        "event.position <= cursor.replay_through",
        "event.position < cursor.replay_through",
        "webhooks/test_dry_runs_and_tests.py::test_a_dry_run_shows_what_a_replay_would_send",
    ),
    Mistake(
        "the numbers of what is parked are one off",
        f"{WEBHOOKS}/message.py",
        "_numbers(cursor.delivered_sequence + 1,",
        "_numbers(cursor.delivered_sequence,",
        "webhooks/test_delivering.py::test_a_batch_ends_where_a_partner_is_kept_back",
    ),
    # Failing -------------------------------------------------------------------------------------
    Mistake(
        "who is gone is tried again",
        f"{WEBHOOKS}/delivery/retry_policy.py",
        "outcome.status == _GONE:",
        "outcome.status == 418:",
        "webhooks/test_retry_policy.py::test_who_is_gone_is_disabled_at_once",
    ),
    Mistake(
        "a receiver may ask for any time",
        f"{WEBHOOKS}/delivery/retry_policy.py",
        "max(backoff, min(outcome.retry_after_seconds, ASKED_SECONDS_MAX))",
        "max(backoff, outcome.retry_after_seconds)",
        "webhooks/test_retry_policy.py::test_who_is_busy_is_left_alone_for_as_long_as_it_asks_if_that_is_longer",
    ),
    Mistake(
        "a receiver may ask for less than our own wait",
        f"{WEBHOOKS}/delivery/retry_policy.py",
        "max(backoff, min(outcome.retry_after_seconds, ASKED_SECONDS_MAX))",
        "min(outcome.retry_after_seconds, ASKED_SECONDS_MAX)",
        "webhooks/test_retry_policy.py::test_zero_seconds_do_not_end_the_backing_off",
    ),
    Mistake(
        "a negative time to wait is a time",
        f"{WEBHOOKS}/transport/http_post.py",
        'r"[0-9]{1,10}"',
        'r"[-+]?[0-9]{1,10}"',
        "webhooks/test_sending.py::test_when_a_receiver_asks_to_be_left_alone",
    ),
    # Sending -------------------------------------------------------------------------------------
    Mistake(
        "redirects are followed",
        f"{WEBHOOKS}/transport/http_post.py",
        "allow_redirects=False",
        "allow_redirects=True",
        "webhooks/test_sending_to_the_hostile.py::test_what_is_no_answer_is_a_failure_and_says_why",
    ),
    Mistake(
        "the proxy of the environment is asked",
        f"{WEBHOOKS}/transport/http_post.py",
        "trust_env=False",
        "trust_env=True",
        "webhooks/test_sending.py::test_the_proxy_of_the_environment_is_not_asked",
    ),
    Mistake(
        "a reply is read to its end",
        f"{WEBHOOKS}/transport/http_post.py",
        "len(self.body) < REPLY_BYTES_MAX and (",
        "(",
        "webhooks/test_sending_to_the_hostile.py::test_of_a_great_body_little_is_read_and_less_is_kept[answer]",
    ),
    Mistake(
        "a status alone is a success",
        f"{WEBHOOKS}/outcome.py",
        "return self.error is None and self.status",
        "return self.status",
        "webhooks/test_sending_to_the_hostile.py"
        "::test_one_deadline_bounds_everything_and_a_2xx_that_is_not_whole_by_then_does_not_count"
        "[slow_body-200-no whole answer within 0.5 s]",
    ),
    Mistake(
        "the address is judged where it is looked up only",
        f"{WEBHOOKS}/transport/connections.py",
        "        check_address(str(address[0]), self._allowed)\n",
        "",
        "webhooks/test_sending_to_addresses.py"
        "::test_the_address_is_checked_where_it_is_connected_to_and_not_only_where_it_is_looked_up",
    ),
    Mistake(
        "one good address makes an answer good",
        f"{WEBHOOKS}/transport/resolver.py",
        "for address in found:",
        "for address in found[:1]:",
        "webhooks/test_sending_to_addresses.py::test_an_answer_in_which_any_address_is_refused_is_refused_whole",
    ),
    # Feeds ---------------------------------------------------------------------------------------
    Mistake(
        "a reader is led past the end of the log",
        "services/web/event_broadcast.py",
        "max(after, min(through, read.head))",
        "max(after, through)",
        "contract/test_feeds_pages.py::test_an_empty_page_that_leads_further_is_another",
    ),
    Mistake(
        "a page that is not full is kept for ever",
        "services/compliance/api/events.py",
        "len(page.events) == question.limit and plain",
        "bool(page.events) and plain",
        "contract/test_feeds_pages.py::test_a_page_that_is_not_full_is_asked_for_again",
    ),
    Mistake(
        "two empty pages are the same wherever they lead",
        "services/web/event_feed.py",
        "blake2b(link.encode() + body,",
        "blake2b(body,",
        "contract/test_feeds_pages.py::test_an_empty_page_that_leads_further_is_another",
    ),
    Mistake(
        "a crash is taken for a reset",
        "services/web/event_broadcast.py",
        "unsure = restarts and self.sandbox and log is None  #",
        "unsure = restarts and log is None  #",
        "contract/test_feeds_after_resets.py::test_a_log_that_is_no_sandbox_is_waited_for_where_a_crash_took_its_end",
    ),
    Mistake(
        "who has just read what is new is woken for nothing, and who has not is not",
        "services/web/event_broadcast.py",
        "if reader.after < last",
        "if reader.after > last",
        "contract/test_broadcast.py::test_who_lets_nothing_pass_is_not_woken_and_costs_no_read",
    ),
    Mistake(
        "the oldest of the tail is forgotten, and its place is not",
        "services/web/event_broadcast.py",
        "            self.start = self._events[forgotten].position\n",
        "",
        "contract/test_broadcast.py::test_whoever_follows_gets_each_event_once_in_order_however_slow",
    ),
    Mistake(
        "one partner takes every process",
        "services/compliance/historical_answers/pool.py",
        "max(1, self._processes_max - 1)",
        "self._processes_max",
        "compliance/test_answering_pool.py::test_one_partner_never_takes_every_process",
    ),
    Mistake(
        "a cancellation that meets the signal is lost",
        "services/web/wakeup.py",
        """        async with asyncio.timeout(seconds_max):
            return await signal.wait()
""",
        """        return await asyncio.wait_for(signal.wait(), seconds_max)
""",
        "contract/test_wakeup.py::test_a_cancellation_that_meets_the_ring_is_not_lost[0]",
    ),
)
