"""Sentences of the services as people read them: days in words, programmes by name, ids as they are."""

import pytest

from services.console.dates import in_days, plain
from services.console.fact_words import fact_sentence


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Nobody replaced Hugo by 2026-11-20 (London).", "Nobody replaced Hugo by 20 November 2026 (London)."),
        ("as of 2026-03-03, policy 2021-08", "as of 3 March 2026, policy 2021-08"),
        ("after the loss: policy 2026-01-01", "after the loss: policy 2026-01-01"),
        ("since 2026-06-02T10:00:00Z.", "since 2 June 2026, 11:00."),
        ("on 2026-06-02 (2026-06-02T10:00:00Z)", "on 2 June 2026 (2026-06-02T10:00:00Z)"),
        ("until 2026-06-31T10:00:00Z", "until 2026-06-31T10:00:00Z"),
        ("it is 2026-02-30", "it is 2026-02-30"),
        ("the person a-2026-11-20-b", "the person a-2026-11-20-b"),
        ("in none of the programmes PARTNER_SUCCESS, GOLD", "in none of the programmes Partner Success, Gold"),
        ("the partner ACME_LTD", "the partner ACME_LTD"),
    ],
)
def test_a_sentence_says_days_in_words(said: str, read: str) -> None:
    assert plain(said) == read


@pytest.mark.parametrize(
    ("days", "read"),
    [(0, "today"), (1, "tomorrow"), (-1, "yesterday"), (2, "in 2 days"), (-1598, "1,598 days ago")],
)
def test_days_are_counted_in_words(days: int, read: str) -> None:
    assert in_days(days) == read


def test_a_partner_that_leaves_changes_to_no_programme() -> None:
    said = fact_sentence("partner-programme-changed.v1", {"partner_id": "cedar", "programme": "NONE"})
    assert said == "cedar changed to no programme"
