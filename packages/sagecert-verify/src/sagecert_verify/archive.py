"""Reads the file: a gzipped tar, member after member, as a stream.

Only what an export consists of is accepted: plain files with short names. Nothing is unpacked to disk, nothing is read
beyond what a member may have, and the first thing that is not as it should be ends the reading.
"""

import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

BLOCK_BYTES: Final = 512
CHUNK_BYTES: Final = 1 << 20
MEMBER_BYTES_MAX: Final = 32 << 20
"""A bundle of 256 entries has at most 16.8 MB; nothing else is as large."""
PADDING_BLOCKS_MAX: Final = 64
UNPACKED_RATIO_MAX: Final = 200
"""A real export unpacks to some ten times its size; what unpacks to more than this was made to fill the memory."""
UNPACKED_BYTES_FREE: Final = 16 << 20
"""Up to here the ratio does not matter."""
DIGITS: Final = re.compile(rb"[0-7]{1,11}")
REGULAR: Final = (b"0", b"\0")


class DamagedError(Exception):
    """The file cannot be read as an export. The message says where and why."""


class Member(NamedTuple):
    """A file of the archive."""

    name: str
    content: bytes


def members(path: Path) -> Iterator[Member]:
    """The members in their order. Raises `DamagedError`."""
    stream = _Stream(path)
    while True:
        header = stream.read(BLOCK_BYTES)
        if not header.strip(b"\0"):
            stream.expect_padding()
            return
        name, size = _parsed(header)
        content = stream.read(size)
        if stream.read(-size % BLOCK_BYTES).strip(b"\0"):
            raise DamagedError(f"something follows the member {name} where nothing may be")
        yield Member(name, content)


class _Stream:
    """The decompressed bytes of a gzip file."""

    def __init__(self, path: Path) -> None:
        self._chunks = self._decompressed(path)
        self._buffer = bytearray()

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        while len(self._buffer) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise DamagedError("the file ends early")
            self._buffer += chunk
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def expect_padding(self) -> None:
        """A tar ends with blocks of zeros, and then there is nothing."""
        total = len(self._buffer)
        for chunk in (bytes(self._buffer), *self._chunks):
            total += len(chunk)
            if chunk.strip(b"\0") or total > PADDING_BLOCKS_MAX * BLOCK_BYTES + CHUNK_BYTES:
                raise DamagedError("something follows the end of the archive")

    def _decompressed(self, path: Path) -> Iterator[bytes]:
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        packed = unpacked = 0
        try:
            with path.open("rb") as file:
                while compressed := file.read(CHUNK_BYTES):
                    packed += len(compressed)
                    while compressed:
                        if chunk := inflate.decompress(compressed, CHUNK_BYTES):
                            unpacked += len(chunk)
                            if unpacked > max(UNPACKED_BYTES_FREE, UNPACKED_RATIO_MAX * packed):
                                raise DamagedError(f"it unpacks to more than {UNPACKED_RATIO_MAX} times its size")
                            yield chunk
                        compressed = inflate.unconsumed_tail
                        if inflate.eof:
                            if inflate.unused_data or file.read(1):
                                raise DamagedError("something follows the end of the compressed file")
                            return
        except zlib.error:
            raise DamagedError("the compressed bytes are damaged, or it is not a gzip file") from None
        except OSError as problem:
            raise DamagedError(f"the file cannot be read: {problem.strerror}") from None
        raise DamagedError("the file ends early")


def _parsed(header: bytes) -> tuple[str, int]:
    """Name and size of the member that the header begins."""
    try:
        checksum, size = _number(header[148:156]), _number(header[124:136])
        name = (header[345:500].rstrip(b"\0") + b"/" if header[345:346] != b"\0" else b"") + header[:100].rstrip(b"\0")
        text = name.decode("ascii")
    except ValueError:
        raise DamagedError("a header of the archive is damaged") from None
    if checksum != sum(header[:148]) + 8 * ord(" ") + sum(header[156:]):
        raise DamagedError("a header of the archive is damaged")
    if header[156:157] not in REGULAR or not text.isprintable():
        raise DamagedError(f"the member {text[:100]!r} is not a plain file")
    if size > MEMBER_BYTES_MAX:
        raise DamagedError(f"the member {text} has {size} bytes, more than {MEMBER_BYTES_MAX}")
    return text, size


def _number(field: bytes) -> int:
    """Raises `ValueError`."""
    digits = field.strip(b"\0 ")
    if not DIGITS.fullmatch(digits):
        raise ValueError("no octal number")
    return int(digits, 8)


def lines_of(content: bytes) -> Iterator[bytes]:
    """The lines of a member, one after the other."""
    return (line.rstrip(b"\n") for line in BytesIO(content))
