"""Lines of a text file in bounded memory: nothing is decoded that is not text, and no line is without end."""

import codecs
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from services.cli.imports.table import UnreadableTable

LINE_CHARACTERS_MAX: Final = 1 << 20
_CHUNK_BYTES: Final = 1 << 16
_BYTE_ORDER_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CODECS: Final = {"utf-8": "utf-8-sig", "windows-1252": "cp1252"}


def read_lines(file: BinaryIO, encoding: str, on_read: Callable[[int], None]) -> Iterator[str]:
    """Each line with its line break, written as `\\n` whatever the file has.

    Raises `UnreadableTable` for what is not in this encoding, for a NUL, and for a line of more than
    `LINE_CHARACTERS_MAX` characters.
    """
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(_CODECS.get(encoding, encoding))(), translate=True
    )
    rest, number = "", 1
    first = True
    while True:
        chunk = file.read(_CHUNK_BYTES)
        on_read(len(chunk))
        if first:
            _refuse_other_marks(chunk, encoding)
            first = False
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeError as problem:
            raise UnreadableTable(_undecodable(problem, encoding, number)) from None
        if "\0" in text:
            line = number + text.count("\n", 0, text.index("\0"))
            raise UnreadableTable(f"Line {line:,} holds a NUL: the file is not text, or not in {encoding}.")
        *lines, rest = (rest + text).split("\n")
        for line_text in lines:
            _refuse_endless(line_text, number)
            yield line_text + "\n"
            number += 1
        _refuse_endless(rest, number)
        if not chunk:
            break
    if rest:
        yield rest


def _refuse_endless(line: str, number: int) -> None:
    if len(line) > LINE_CHARACTERS_MAX:
        raise UnreadableTable(f"Line {number:,} has more than {LINE_CHARACTERS_MAX:,} characters.")


def _refuse_other_marks(start: bytes, encoding: str) -> None:
    for mark, found in _BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            if found != encoding:
                raise UnreadableTable(f'The file begins as {found} does: write encoding = "{found}" in [file].')
            return
    if encoding == "utf-16":
        raise UnreadableTable("A UTF-16 file begins with a byte order mark, and this one does not.")


def _undecodable(problem: UnicodeError, encoding: str, number: int) -> str:
    where = f"Line {number:,}, or one soon after it,"
    if isinstance(problem, UnicodeDecodeError):
        line = number + problem.object[: problem.start].count(b"\n")
        where = f"Line {line:,}"
    advice = ' Files that Excel saves as "CSV" are often encoding = "windows-1252".' if encoding == "utf-8" else ""
    return f"{where} is not written in {encoding}.{advice}"
