"""Asks witnesses for cosignatures (C2SP tlog-witness), and for what they have seen."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final, NamedTuple

import aiohttp

from services.audit.checkpoint import Checkpoint, parse_size
from services.audit.merkle import ProofError
from services.audit.note import NoteError, VerifierKey, encode_hashes, open_note, signature_lines, split_note

DEADLINE_SECONDS: Final = 3.0
"""How long a witness may take to answer."""
_ANSWER_BYTES_MAX: Final = 64 << 10

Proof = Callable[[int], Awaitable[list[bytes]]]
"""The consistency proof from an earlier size to that of the checkpoint."""


class WitnessError(Exception):
    """The witness did not cosign; says why."""


class WitnessAddress(NamedTuple):
    """A witness. `url`: its submission prefix, without a slash at its end."""

    key: VerifierKey
    url: str


async def cosignature(
    session: aiohttp.ClientSession, witness: WitnessAddress, note: str, old_size: int, proof: Proof
) -> str:
    """The signature line of the witness for this checkpoint, verified.

    `old_size`: the size that it cosigned last, as far as known here.

    Raises `WitnessError`, and `ProofError` or `LookupError` from `proof`.
    """
    for _ in range(2):
        status, body = await _post(session, witness, await _request(note, old_size, proof))
        if status != 409:
            break
        try:
            old_size = parse_size(body.removesuffix("\n"))
        except NoteError:
            break
        if old_size > Checkpoint.parse(split_note(note)[0]).size:
            raise WitnessError(f"the witness {witness.key.name} has cosigned a larger log, of size {old_size}")
    if status != 200:
        raise WitnessError(f"the witness {witness.key.name} answered {status}: {body[:200]!r}")
    text, _ = split_note(note)
    try:
        signatures = signature_lines(body)
    except NoteError as problem:
        raise WitnessError(f"the witness {witness.key.name} answered without a signature: {problem}") from problem
    for signature in signatures:
        if (signature.name, signature.key_id) == (witness.key.name, witness.key.key_id):
            if witness.key.verifies(text, signature.signature):
                return signature.line
            break
    raise WitnessError(f"the witness {witness.key.name} did not sign with its key")


async def witnessed(session: aiohttp.ClientSession, witness: WitnessAddress, origin: str) -> Checkpoint | None:
    """The latest checkpoint that the witness cosigned, for witnesses that tell; None: it tells none.

    Raises `WitnessError`.
    """
    url = f"{witness.url}/checkpoint/{sha256(origin.encode()).hexdigest()}"
    try:
        async with asyncio.timeout(DEADLINE_SECONDS), session.get(url) as answer:
            if answer.status != 200:
                return None
            note = await _text(answer)
        text, _ = open_note(note, [witness.key])
        return Checkpoint.parse(text)
    except (aiohttp.ClientError, TimeoutError, OSError, UnicodeDecodeError, NoteError) as problem:
        raise WitnessError(f"the witness {witness.key.name} does not answer: {problem!r}") from problem


async def _request(note: str, old_size: int, proof: Proof) -> str:
    hashes = await proof(old_size) if old_size else []
    if len(hashes) > 63:
        raise ProofError("a request has at most 63 hashes")
    return f"old {old_size}\n{encode_hashes(hashes)}\n{note}"


async def _post(session: aiohttp.ClientSession, witness: WitnessAddress, request: str) -> tuple[int, str]:
    """The answer. Sent again once where the connection was closed before it: it may have been idle for too long."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            try:
                return await _post_once(session, witness, request)
            except aiohttp.ClientConnectorError:
                raise  # there was no connection
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError):
                return await _post_once(session, witness, request)  # a checkpoint may be added twice
    except (aiohttp.ClientError, TimeoutError, OSError, UnicodeDecodeError) as problem:
        raise WitnessError(f"the witness {witness.key.name} does not answer: {problem!r}") from problem


async def _post_once(session: aiohttp.ClientSession, witness: WitnessAddress, request: str) -> tuple[int, str]:
    async with session.post(f"{witness.url}/add-checkpoint", data=request.encode()) as answer:
        return answer.status, await _text(answer)


async def _text(answer: aiohttp.ClientResponse) -> str:
    """The body, however many pieces it comes in. Raises `UnicodeDecodeError`, and `OSError` if it is too long."""
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > _ANSWER_BYTES_MAX:
            raise OSError(f"an answer of more than {_ANSWER_BYTES_MAX} bytes")
    return body.decode()
