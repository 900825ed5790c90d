"""Signatures that the public library accepts, and secrets that the database alone does not give away."""

from base64 import b64decode
from datetime import timedelta, timezone

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from services.compliance.webhooks.signing import (
    SecretSealer,
    Signer,
    new_key_pair,
    new_secret,
    public_text,
    secret_text,
)
from services.host.wall_clock import wall_clock

BODY = '{"partner": "Bücher & Söhne"}'.encode()


def key() -> SecretStr:
    return SecretStr(Fernet.generate_key().decode())


@given(st.text().map(lambda text: text.encode("utf-8", "ignore")), st.integers(-14 * 60, 14 * 60))
def test_the_public_library_verifies_any_body_sent_in_any_time_zone(body: bytes, offset_minutes: int) -> None:
    secret = new_secret()
    here = timezone(timedelta(minutes=offset_minutes))
    headers = Signer([secret]).headers("evt-1", wall_clock().astimezone(here), body)
    assert Webhook(secret_text(secret)).verify(body, headers, json_parse=False) is None


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "evt-2"},
        {"webhook-timestamp": "1"},
        {"webhook-signature": "v1,AAAA"},
    ],
)
def test_nothing_of_what_is_signed_can_be_changed(change: dict[str, str]) -> None:
    secret = new_secret()
    headers = Signer([secret]).headers("evt-1", wall_clock(), BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(secret)).verify(BODY, headers | change)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(secret)).verify(BODY + b" ", headers)


def test_while_a_secret_is_rotated_each_of_the_two_verifies_and_the_new_one_comes_first() -> None:
    new, old = new_secret(), new_secret()
    headers = Signer([new, old]).headers("evt-1", wall_clock(), BODY)
    for secret in (new, old):
        assert Webhook(secret_text(secret)).verify(BODY, headers) == {"partner": "Bücher & Söhne"}
    first = headers["webhook-signature"].split()[0]
    assert Webhook(secret_text(new)).verify(BODY, headers | {"webhook-signature": first})


def test_a_key_pair_signs_the_same_content_and_its_public_half_verifies() -> None:
    seed = new_key_pair()
    headers = Signer([new_secret()], [seed]).headers("evt-1", wall_clock(), BODY)
    hmac, ed25519 = headers["webhook-signature"].split(" ")
    version, _, signature = ed25519.partition(",")
    assert (hmac[:3], version) == ("v1,", "v1a")
    prefix, _, public = public_text(seed).partition("_")
    assert prefix == "whpk"
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + BODY
    verifier = Ed25519PublicKey.from_public_bytes(b64decode(public))
    verifier.verify(b64decode(signature), content)
    with pytest.raises(InvalidSignature):
        verifier.verify(b64decode(signature), content + b" ")


def test_secrets_are_of_the_length_that_the_specification_asks_for_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {32}
    assert len({new_key_pair() for _ in range(100)}) == 100


@given(st.binary(min_size=1, max_size=64))
def test_what_is_sealed_is_opened_again_and_does_not_show(secret: bytes) -> None:
    sealer = SecretSealer([key()])
    sealed = sealer.seal(secret)
    assert sealer.open(sealed) == secret
    assert sealer.seal(secret) != sealed


def test_a_key_is_replaced_by_putting_the_new_one_in_front() -> None:
    old, new = key(), key()
    sealed = SecretSealer([old]).seal(b"secret")
    both = SecretSealer([new, old])
    assert both.open(sealed) == b"secret"
    assert SecretSealer([new]).open(both.seal(b"secret")) == b"secret"
    assert SecretSealer([new]).open(sealed) is None


def test_damaged_bytes_are_not_opened() -> None:
    sealer = SecretSealer([key()])
    sealed = bytearray(sealer.seal(b"secret"))
    sealed[20] ^= 1
    assert sealer.open(bytes(sealed)) is None


@pytest.mark.parametrize("wrong", ["", "secret", "é" * 44, "A" * 43])
def test_a_malformed_key_is_named_by_its_place_and_not_told(wrong: str) -> None:
    with pytest.raises(ValueError, match="key 2 of SAGECERT_COMPLIANCE_WEBHOOK_KEYS") as refused:
        SecretSealer([key(), SecretStr(wrong)])
    assert not wrong or wrong not in str(refused.value).replace("the secret", "").replace("'", "")


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(ValueError, match="set SAGECERT_COMPLIANCE_WEBHOOK_KEYS"):
        SecretSealer([])
