"""The text of an API key: a prefix that scanners of secrets find, 256 random bits, and a checksum.

The checksum tells a mistyped key from one that is unknown. Only the digest of a key is ever stored; because the key is
random and long, a plain SHA-256 needs no salt and takes a microsecond.
"""

import re
import string
from hashlib import sha256
from math import log2
from secrets import randbits
from typing import Final
from zlib import crc32

PREFIX: Final = "sagecert_"
RANDOM_BITS: Final = 256
KEY_BYTES_MAX: Final = 256
"""The longest text that counts as a key at all."""

BOOTSTRAP_BITS_MIN: Final = 128

_DIGITS: Final = string.digits + string.ascii_letters
_RANDOM_LENGTH: Final = 43
_CHECKSUM_LENGTH: Final = 6
_KEY: Final = re.compile(rb"sagecert_[0-9A-Za-z]{49}")

_ALPHABETS: Final = (
    string.digits,
    string.digits + "abcdef",
    string.digits + "ABCDEF",
    string.ascii_lowercase,
    string.ascii_uppercase,
    string.digits + string.ascii_lowercase,
    string.digits + string.ascii_uppercase,
    _DIGITS,
    _DIGITS + "-_",
    _DIGITS + "+/=",
    "".join(map(chr, range(0x21, 0x7F))),
)
"""Those that random keys are usually written in, the smallest first."""
_DISTINCT_MIN: Final = 8


def new_key() -> str:
    """A key that nobody has."""
    return _with_checksum(PREFIX + _base_62(randbits(RANDOM_BITS), _RANDOM_LENGTH))


def digest_of(key: bytes) -> bytes:
    """The digest of a key, which is all that is stored of it."""
    return sha256(key).digest()


def has_form(key: bytes) -> bool:
    """Whether it has the form of an issued key, its checksum aside."""
    return _KEY.fullmatch(key) is not None


def is_mistyped(key: bytes) -> bool:
    """Whether a text of this form has another checksum than its own."""
    text = key.decode("ascii")
    return _with_checksum(text[:-_CHECKSUM_LENGTH]) != text


def check_chosen_key(key: str) -> None:
    """Raises `ValueError` for a key of the owner's choice that cannot be sent in a header or can be guessed.

    What the characters allow at most is counted: whether they were chosen at random cannot be seen.
    """
    if not all("\x21" <= character <= "\x7e" for character in key) or len(key) > KEY_BYTES_MAX:
        raise ValueError(f"a key has at most {KEY_BYTES_MAX} characters, visible ASCII without spaces; {_MAKE_ONE}")
    distinct = set(key)
    alphabet = next(len(alphabet) for alphabet in _ALPHABETS if distinct <= set(alphabet))
    if len(key) * log2(alphabet) < BOOTSTRAP_BITS_MIN or len(distinct) < _DISTINCT_MIN:
        raise ValueError(f"a key has at least {BOOTSTRAP_BITS_MIN} random bits, this one can be guessed; {_MAKE_ONE}")


_MAKE_ONE: Final = "make one with python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


def _with_checksum(text: str) -> str:
    return text + _base_62(crc32(text.encode()), _CHECKSUM_LENGTH)


def _base_62(number: int, length: int) -> str:
    written = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        written.append(_DIGITS[digit])
    return "".join(reversed(written))
