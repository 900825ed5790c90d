"""Facts about the system itself, recorded by the commands of its owner. They cannot be voided."""

from typing import Final

from shared.events.fact_class import Data, Stream

KEY: Final = Stream("key-", "key_name")
SIGNING_KEY: Final = Stream("signing_key-", "log_id")
ENGINE: Final = Stream("engine-", "engine_id")

OWNER: Final = "owner"
"""The actor of facts about the system itself."""


class KeyIssued(Data, frozen=True):
    """An API key was issued: who sends it may do what `scopes` allow, and is the actor `key_name` of what it records.

    `digest`: SHA-256 of the key, in hexadecimal; 256 random bits cannot be found from it.
    """

    topic = "key-issued.v1"
    stream = KEY
    key_name: str
    scopes: tuple[str, ...]
    digest: str


class KeyRevoked(Data, frozen=True):
    """Keys of this name were revoked: those that the facts `fact_ids` issued."""

    topic = "key-revoked.v1"
    stream = KEY
    key_name: str
    fact_ids: tuple[str, ...]


class SigningKeyRotated(Data, frozen=True):
    """The sealed logs sign with another key, which the key before it signed: Ed25519, in base64."""

    topic = "signing-key-rotated.v1"
    stream = SIGNING_KEY
    log_id: str
    public_key: str
    previous_public_key: str
    signature: str


class EngineInstalled(Data, frozen=True):
    """From here on this engine decides: the code of this version, with this law of time, for these products.

    `engine_id`: a digest of the rest. `policy_digest`: SHA-256 over the files that decide. `tzdata`: the release of the
    time zone database.
    """

    topic = "engine-installed.v1"
    stream = ENGINE
    engine_id: str
    code_version: str
    policy_digest: str
    tzdata: str
    products: tuple[str, ...]


SystemFact = KeyIssued | KeyRevoked | SigningKeyRotated | EngineInstalled
