"""A witness: answers a checkpoint with a cosignature or a refusal (C2SP tlog-witness, add-checkpoint)."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.audit.checkpoint import Checkpoint, parse_size
from services.audit.merkle import EMPTY_ROOT, ProofError, verify_consistency
from services.audit.note import (
    COSIGNATURE,
    NoteError,
    VerifierKey,
    cosign,
    decode_hash,
    open_note,
    public_bytes,
    split_note,
)
from services.audit.witness.state import Seen, WitnessState

HASHES_MAX: Final = 63
PLAIN: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"


class Answer(NamedTuple):
    """Status, body and media type."""

    status: int
    body: str
    media_type: str = PLAIN


class _Submission(NamedTuple):
    """A log's request for a cosignature."""

    old_size: int
    proof: list[bytes]
    note: str
    text: str
    checkpoint: Checkpoint


class Witness:
    """Cosigns checkpoints of the logs that it knows by their keys. `clock`: seconds since 1970.

    It persists what it has seen before it answers, and forgets nothing: no answer of two contradicts another.
    """

    def __init__(
        self,
        name: str,
        key: Ed25519PrivateKey,
        logs: Iterable[VerifierKey],
        state: WitnessState,
        clock: Callable[[], int],
    ) -> None:
        self._name = name
        self._key = key
        self._logs: dict[str, list[VerifierKey]] = {}
        for log in logs:
            self._logs.setdefault(log.name, []).append(log)
        self._state = state
        self._clock = clock

    @property
    def verifier_key(self) -> VerifierKey:
        """The key by which others know the witness."""
        return VerifierKey(self._name, COSIGNATURE, public_bytes(self._key))

    def add_checkpoint(self, request: str) -> Answer:
        """Cosigns the checkpoint if it extends what was seen of its log, or says why not."""
        try:
            submission = _parse(request)
        except NoteError as problem:
            return Answer(400, f"{problem}\n")
        origin = submission.checkpoint.origin
        keys = self._logs.get(origin)
        if keys is None:
            return Answer(404, f"This witness does not know the log {origin[:200]}.\n")
        try:
            open_note(submission.note, keys)
        except NoteError as problem:
            return Answer(403, f"{problem}\n")
        if submission.old_size > submission.checkpoint.size:
            return Answer(400, "The old size is greater than that of the checkpoint.\n")
        return self._state.exclusively(lambda state: self._decide(state, submission))

    def _decide(self, state: WitnessState, submission: _Submission) -> Answer:
        new = submission.checkpoint
        seen = state.latest(new.origin) or Seen(0, EMPTY_ROOT, "")
        if submission.old_size != seen.size:
            return Answer(409, f"{seen.size}\n", SIZE)
        why = _contradiction(seen, submission)
        if why is not None:
            state.keep_conflict(new.origin, self._clock(), why, submission.note)
            if new.size == seen.size:
                return Answer(409, f"{seen.size}\n", SIZE)
            return Answer(422, f"{why}\n")
        signature = cosign(submission.text, self._name, self._key, self._clock())
        note = f"{submission.note}{signature.line}\n"
        state.keep(new.origin, sha256(new.origin.encode()).hexdigest(), Seen(new.size, new.root, note))
        return Answer(200, f"{signature.line}\n")

    def latest(self, origin_hash: str) -> str | None:
        """The latest cosigned checkpoint of the log whose origin has this SHA-256, for those who monitor it."""
        return self._state.note(origin_hash)


def _contradiction(seen: Seen, submission: _Submission) -> str | None:
    """Why the checkpoint is not a proven extension of what was seen; None: it is one."""
    new = submission.checkpoint
    if seen.size == 0 and new.size > 0:
        return "A first checkpoint needs no proof." if submission.proof else None
    if seen.size == new.size and seen.root != new.root:
        return f"Two roots at size {new.size}."
    if new.size == 0:
        return None
    try:
        verify_consistency(seen.size, new.size, seen.root, new.root, submission.proof)
    except ProofError as problem:
        return f"The checkpoint does not extend that of size {seen.size}: {problem}."
    return None


def _parse(request: str) -> _Submission:
    """Raises `NoteError`."""
    head, separator, note = request.partition("\n\n")
    old, *proof = head.split("\n")
    if not separator or not old.startswith("old "):
        raise NoteError("a request is an old size, hashes, an empty line and a checkpoint")
    if len(proof) > HASHES_MAX:
        raise NoteError(f"a request has at most {HASHES_MAX} hashes")
    text, _ = split_note(note)
    old_size = parse_size(old.removeprefix("old "))
    return _Submission(old_size, [decode_hash(line) for line in proof], note, text, Checkpoint.parse(text))
