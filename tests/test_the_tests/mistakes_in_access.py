"""Mistakes that are easily made in who may call, and in what is recorded of answers, each with who must notice it."""

from typing import Final

from tests.test_the_tests.mistakes_in_delivery import Mistake

KEYS: Final = "services/host/api_keys"

MISTAKES: Final = (
    Mistake(
        "a key allows what its scope does not",
        "services/host/request_guard.py",
        "operation.scope is not None and operation.scope not in caller.allowed",
        "operation.scope is not None and not caller.allowed",
        "access/test_keys.py::test_each_scope_allows_what_it_says",
    ),
    Mistake(
        "any key may stand in an address",
        f"{KEYS}/key_ring.py",
        "caller is not LOCAL and caller.allowed != ALLOWS[Scope.CALENDARS]",
        "caller is not LOCAL and Scope.CALENDARS not in caller.allowed",
        "access/test_calendar_addresses.py::test_no_other_key_stands_in_an_address",
    ),
    Mistake(
        "a revoked key goes on",
        f"{KEYS}/key_ring.py",
        "        if key.revoked_at is None\n    }",
        "    }",
        "access/test_keys.py::test_a_revoked_key_stops_and_opens_nothing",
    ),
    Mistake(
        "the last revoked key opens the door",
        f"{KEYS}/key_ring.py",
        "if self._keyless and self._changes == _NONE_EVER:",
        "if self._keyless and not self._callers:",
        "access/test_keys.py::test_a_revoked_key_stops_and_opens_nothing",
    ),
    Mistake(
        "keys are believed for ever",
        f"{KEYS}/key_ring.py",
        "monotonic() - self._read_at > BELIEVED_SECONDS",
        "self._read_at < 0",
        "access/test_database_away.py::test_keys_are_believed_no_longer_than_a_moment_after_they_were_read",
    ),
    Mistake(
        "a stream outlives its key",
        f"{KEYS}/key_ring.py",
        "            self._end_calls()\n",
        "",
        "access/test_reading_roles.py::test_a_stream_ends_when_its_key_is_revoked",
    ),
    Mistake(
        "everybody shares one namespace of idempotency keys",
        "services/web/scopes.py",
        "return UNNAMED if self.digest is None else self.name",
        "return UNNAMED",
        "access/test_keys.py::test_the_name_of_the_key_is_the_actor_and_the_namespace_of_idempotency_keys",
    ),
    Mistake(
        "what only reads is served by the role that writes",
        "services/certification/event_store/database.py",
        "init=_read_only if reading else _durable",
        "init=_durable",
        "access/test_reading_roles.py::test_answers_and_feeds_are_served_by_roles_that_cannot_write",
    ),
    Mistake(
        "a claim is judged by what is known now alone",
        "services/compliance/historical_answers/claims.py",
        'known_then = [fact for fact in facts if fact.position <= row["position"]]',
        "known_then = facts",
        "claims/test_claims.py::test_a_claim_is_correct_until_a_late_fact_makes_it_justified",
    ),
    Mistake(
        "what a full queue drops is not counted",
        "services/compliance/claims/claim_recorder.py",
        "            self.dropped += 1\n",
        "",
        "claims/test_recorder.py::test_what_is_made_waits_or_is_dropped_and_counted",
    ),
)
