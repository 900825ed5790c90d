"""A gzip-compressed tar archive, made as a stream: no member is kept, and the memory stays the same."""

import tarfile
import zlib
from typing import Final

_GZIP: Final = 16 + zlib.MAX_WBITS
_LEVEL: Final = 1
"""Compressing better takes longer than hashing what is compressed."""
MODE: Final = 0o644


class Archive:
    """Compresses members one after the other. `made_at`: their time, in seconds since 1970."""

    def __init__(self, made_at: int) -> None:
        self._made_at = made_at
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)

    def member(self, name: str, content: bytes) -> bytes:
        """The bytes that this file adds to the archive."""
        header = tarfile.TarInfo(name)
        header.size, header.mtime, header.mode = len(content), self._made_at, MODE
        padding = bytes(-len(content) % tarfile.BLOCKSIZE)
        return self._compressor.compress(header.tobuf(tarfile.USTAR_FORMAT) + content + padding)

    def end(self) -> bytes:
        """The end of the archive."""
        return self._compressor.compress(bytes(2 * tarfile.BLOCKSIZE)) + self._compressor.flush()
