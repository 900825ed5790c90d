"""Temporary directories that are removed however the process ends that made them."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

REMOVER: Final = """
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$0" && exit
    umount --lazy "$0" || sleep 1
done
"""
"""A shell that waits for the end of its stdin. A server that stops may still write, so it tries again. A file system
that was mounted on the directory goes first."""


@contextmanager
def temporary_directory(prefix: str, above: str | None = None) -> Iterator[Path]:
    """A new directory of this account alone, below `above` (None: where temporary files go).

    It is removed with the context, or as soon as this process has ended, `kill -9` included: then nobody else closes
    the pipe to the shell that removes it. The shell has a session of its own, which Ctrl-C does not reach.
    """
    directory = tempfile.mkdtemp(prefix=prefix, dir=above)
    with subprocess.Popen(
        ["/bin/sh", "-c", REMOVER, directory],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ):
        yield Path(directory).resolve()
