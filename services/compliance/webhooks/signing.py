"""Signatures of messages as Standard Webhooks says, and the sealing of the secrets that make them."""

from base64 import b64encode, urlsafe_b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr
from standardwebhooks import Webhook

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_BYTES: Final = 32
"""The length of an endpoint's secret; the specification asks for 24 to 64."""
_KEY_BYTES: Final = 32
"""The length of a Fernet key."""


class SecretSealer:
    """Seals the secrets of endpoints, so that a copy of the database alone signs nothing.

    The first key seals, each of them opens: a key is replaced by putting the new one in front.
    """

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        """Raises ValueError without a key or with a malformed one; the text does not contain the key."""
        if not keys:
            raise ValueError("no key to seal secrets with: set SAGECERT_COMPLIANCE_WEBHOOK_KEYS")
        for number, key in enumerate(keys, start=1):
            _check(number, key)
        self._keys = tuple(keys)

    @cached_property
    def _fernet(self) -> "MultiFernet":
        """Created at first use, so that a process that seals and opens nothing never loads the library."""
        from cryptography.fernet import Fernet, MultiFernet

        return MultiFernet([Fernet(key.get_secret_value()) for key in self._keys])

    def seal(self, secret: bytes) -> bytes:
        """The secret, encrypted and authenticated."""
        return self._fernet.encrypt(secret)

    def open(self, sealed: bytes) -> bytes | None:
        """The secret; null: no key opens it, or the bytes are damaged."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            return None


def _check(number: int, key: SecretStr) -> None:
    """Raises ValueError for a key that `Fernet` would refuse."""
    try:
        well_formed = len(urlsafe_b64decode(key.get_secret_value())) == _KEY_BYTES
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError(
            f"key {number} of SAGECERT_COMPLIANCE_WEBHOOK_KEYS is not 32 random bytes in URL-safe base64; "
            "make one with python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
        )


def new_secret() -> bytes:
    """A random secret for `v1`, shared with the receiver."""
    return token_bytes(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """The secret as receivers configure it, `whsec_…`."""
    return "whsec_" + b64encode(secret).decode()


def new_key_pair() -> bytes:
    """The random seed of an ed25519 key pair for `v1a`; only the public half is ever shown."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_text(seed: bytes) -> str:
    """The public key as receivers configure it, `whpk_…`."""
    return "whpk_" + b64encode(_private_key(seed).public_key().public_bytes_raw()).decode()


def _private_key(seed: bytes) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


class Signer:
    """Signs the messages of one endpoint with every secret and key pair that is valid, the newest first."""

    def __init__(self, secrets: Sequence[bytes], seeds: Sequence[bytes] = ()) -> None:
        """`secrets`: for `v1`. `seeds`: of key pairs, for `v1a`."""
        self._webhooks = tuple(Webhook(secret) for secret in secrets)
        self._private_keys = tuple(_private_key(seed) for seed in seeds)

    def headers(self, message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
        """The headers that go with a body of UTF-8 text. `sent_at`: receivers allow for five minutes at most."""
        utc = sent_at.astimezone(UTC)  # the library takes the digits of any other offset for UTC
        timestamp = str(int(utc.timestamp()))
        text = body.decode()
        signatures = [webhook.sign(message_id, utc, text) for webhook in self._webhooks]
        if self._private_keys:
            content = f"{message_id}.{timestamp}.".encode() + body
            signatures += ["v1a," + b64encode(key.sign(content)).decode() for key in self._private_keys]
        return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def signer_of(sealer: SecretSealer, secrets: Sequence[bytes], seeds: Sequence[bytes]) -> Signer | None:
    """Signs with every sealed secret and seed that a key opens; null if no secret opens."""
    opened = [secret for sealed in secrets if (secret := sealer.open(sealed)) is not None]
    return Signer(opened, [seed for sealed in seeds if (seed := sealer.open(sealed)) is not None]) if opened else None
