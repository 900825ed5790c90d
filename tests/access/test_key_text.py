"""The text of a key: no two alike, and a typo is told apart from a key that is unknown."""

import re
from secrets import token_hex, token_urlsafe
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.host.api_keys.key_text import KEY_BYTES_MAX, check_chosen_key, digest_of, has_form, is_mistyped, new_key

KEY = new_key()


def test_a_key_is_one_word_that_a_scanner_of_secrets_finds() -> None:
    found = re.findall(r"\bsagecert_[0-9A-Za-z]{49}\b", f"key={KEY};")
    assert found == [KEY]
    assert has_form(KEY.encode())
    assert not is_mistyped(KEY.encode())


def test_keys_differ_and_so_do_their_digests() -> None:
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == len({digest_of(key.encode()) for key in keys}) == 1000


@given(st.integers(len("sagecert_"), len(KEY) - 1), st.sampled_from(digits + ascii_letters))
def test_one_wrong_character_is_a_typo(place: int, character: str) -> None:
    typed = KEY[:place] + character + KEY[place + 1 :]
    assert is_mistyped(typed.encode()) is (typed != KEY)


@given(st.binary(max_size=80))
def test_any_bytes_are_judged(key: bytes) -> None:
    assert not has_form(key) or is_mistyped(key)


@pytest.mark.parametrize(
    "key", [token_hex(16), token_hex(32), token_urlsafe(32), token_urlsafe(16), new_key()], ids=range(5)
)
def test_a_random_key_of_the_owner_is_taken(key: str) -> None:
    check_chosen_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "hush",
        token_hex(8),
        "a" * 100,
        "abababab" * 8,
        "ü" * 40,
        "a b" * 20,
        "k\n" * 30,
        token_urlsafe(KEY_BYTES_MAX),
    ],
    ids=range(9),
)
def test_a_key_that_can_be_guessed_or_not_be_sent_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"secrets\.token_urlsafe") as refused:
        check_chosen_key(key)
    assert not key or key not in str(refused.value)
