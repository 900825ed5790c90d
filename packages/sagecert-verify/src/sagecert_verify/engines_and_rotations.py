"""Facts about the system itself: which engine decided from where on, and with which keys the logs were signed."""

import base64
import binascii
import json
from collections.abc import Mapping
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sagecert_verify.derive.logged_fact import PREFIX, VERSION
from sagecert_verify.rows import WrongEntryError

ENGINE_INSTALLED: Final = f"{PREFIX}engine-installed{VERSION}"
KEY_ROTATED: Final = f"{PREFIX}signing-key-rotated{VERSION}"
STREAMS: Final = {"policy-": "policy_facts", "engine-": "engine_facts", "signing_key-": "key_facts"}
"""Streams by their beginning, and under which name the manifest lists the positions of their facts."""
ENGINE_ID_DIGITS: Final = 16
PRODUCTS_MAX: Final = 10
ROTATIONS_MAX: Final = 1_000
"""More than any system has; each is compared with all before it."""


FACT_IDS: Final = b'"fact_ids":['
"""Before the facts that an event follows from. Within a text the quotation marks would be escaped."""


class Engine(NamedTuple):
    """From this fact on the engine decides: its rules, with its law of time, for its products."""

    position: int
    append_position: int
    recorded_at: str
    fact_id: str
    engine_id: str
    code_version: str
    products: tuple[str, ...]

    @property
    def as_cause(self) -> bytes:
        """What an event of which it is the cause says alone between the brackets after `FACT_IDS`."""
        return encode_basestring(self.fact_id).encode()


class Rotation(NamedTuple):
    """The logs sign with another key from here on: `public_key`, for which the `previous` one signed."""

    position: int
    public_key: bytes
    previous: bytes


class SystemFacts:
    """Takes the facts about the system, in log order. `positions`: by the name under which the manifest lists them.

    `engine_of_fact`: by what an event says whose cause it is.
    """

    def __init__(self) -> None:
        self.engines: list[Engine] = []
        self.engine_of_fact: dict[bytes, Engine] = {}
        self.rotations: list[Rotation] = []
        self.log_id: str | None = None
        self.positions: dict[str, list[int]] = {name: [] for name in STREAMS.values()}

    def take(self, position: int, columns: Mapping[str, Any], body: bytes) -> None:
        """Any fact; most are none of these. Raises `WrongEntryError`."""
        stream: str = columns["originator_id"]
        prefix, separator, _ = stream.partition("-")
        listed = STREAMS.get(prefix + separator)
        topic = columns["topic"]
        if listed is not None:
            self.positions[listed].append(position)
        if topic not in (ENGINE_INSTALLED, KEY_ROTATED):
            return
        try:
            data = json.loads(body)["data"]
            if topic == ENGINE_INSTALLED:
                self._install(position, columns, data)
            else:
                self._rotate(position, columns, data)
        except WrongEntryError:
            raise
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise WrongEntryError("its bytes are not a fact about the system of this type") from None

    def engine_at(self, position: int) -> Engine | None:
        """The last one installed by a position."""
        return next((engine for engine in reversed(self.engines) if engine.position <= position), None)

    def engine_when(self, recorded_at: str) -> Engine | None:
        """The last one of several that was installed by an instant; None if there never was another."""
        by_then = [engine for engine in self.engines if engine.recorded_at <= recorded_at]
        return by_then[-1] if by_then and len(self.engines) > 1 else None

    def was_replaced(self, engine_id: str) -> bool:
        """Whether the engine was installed, and another one later."""
        return engine_id in {engine.engine_id for engine in self.engines} and self.engines[-1].engine_id != engine_id

    def keys(self, first: bytes) -> list[tuple[int, bytes]]:
        """The signing keys in their order, each with the position that installed it; `first`: where no fact names one.

        The key that the first rotation replaced is the first key.
        """
        keys = [(0, self.rotations[0].previous if self.rotations else first)]
        return keys + [(rotation.position, rotation.public_key) for rotation in self.rotations]

    def _install(self, position: int, columns: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        products = tuple(data["products"])
        said = "\n".join((data["code_version"], data["policy_digest"], data["tzdata"], *products))
        if data["engine_id"] != sha256(said.encode()).hexdigest()[:ENGINE_ID_DIGITS]:
            raise WrongEntryError("the id of the engine does not match what the fact says of it")
        if columns["originator_id"] != f"engine-{data['engine_id']}":
            raise WrongEntryError("it is not in the stream of its engine")
        if not 1 <= len(products) <= PRODUCTS_MAX or len(set(products)) != len(products):
            raise WrongEntryError("it names no products, too many, or one twice")
        engine = Engine(
            position,
            columns["append_position"],
            columns["recorded_at"],
            columns["fact_id"],
            data["engine_id"],
            data["code_version"],
            products,
        )
        self.engines.append(engine)
        self.engine_of_fact[engine.as_cause] = engine

    def _rotate(self, position: int, columns: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        """A rotation continues the chain of keys, signed by the key before it; the command makes no other."""
        stream = f"signing_key-{data['log_id']}"
        if columns["originator_id"] != stream or self.log_id not in (None, data["log_id"]):
            raise WrongEntryError("it is not in the stream of the keys of this log")
        if len(self.rotations) >= ROTATIONS_MAX:
            raise WrongEntryError(f"the signing key changes more than {ROTATIONS_MAX} times")
        self.log_id = data["log_id"]
        public_key, previous, signature = (_decoded(data[name]) for name in _KEY_MEMBERS)
        statement = f"sagecert signing-key-rotated/v1\n{data['previous_public_key']}\n{data['public_key']}\n"
        known = {key for rotation in self.rotations for key in (rotation.previous, rotation.public_key)} or {previous}
        try:
            Ed25519PublicKey.from_public_bytes(previous).verify(signature, statement.encode())
            Ed25519PublicKey.from_public_bytes(public_key)
        except (InvalidSignature, ValueError):
            raise WrongEntryError("the signing key changes, and the key before it did not sign the change") from None
        if (self.rotations and previous != self.rotations[-1].public_key) or public_key in known:
            raise WrongEntryError("the signing key changes from a key that is not in force, or to an old key")
        self.rotations.append(Rotation(position, public_key, previous))


_KEY_MEMBERS: Final = ("public_key", "previous_public_key", "signature")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise WrongEntryError("its keys and its signature are not base64") from None
