"""Who signed the checkpoints: the key in force then, which rotations in the log of facts lead to from a trusted one."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sagecert_verify.archive import DamagedError
from sagecert_verify.engines_and_rotations import SystemFacts
from sagecert_verify.finding import Finding, FoundError, Status
from sagecert_verify.note import Key, Note
from sagecert_verify.sealed_log import SealedLog

Keys = Sequence[tuple[int, bytes]]
"""The signing keys in their order, each with the position of the fact that installed it."""


def check_signing_keys(
    logs: Mapping[str, SealedLog],
    named: Mapping[str, Sequence[Key]],
    trusted: Collection[Key] | None,
    system: SystemFacts,
) -> None:
    """Whether each checkpoint is signed by the key that was in force. `named`: the keys in the manifest, by log.

    `trusted`: the keys that the auditor names, for this log or another of the system; None: the keys that the manifest
    names. One key that was in force must be among them. One is enough: each key vouches for the next, and the log that
    the last key signed vouches for each rotation. Raises `DamagedError` and `FoundError`.
    """
    for name, log in logs.items():
        keys = system.keys(named[name][0].public)
        if [key.public for key in named[name]] != [public for _, public in keys]:
            raise DamagedError(f"the keys of {name} in the manifest are not those that the facts install")
        if log.note is None:
            continue
        origin = log.checkpoint.origin
        if trusted is not None and not _of_system(trusted, origin) & {public for _, public in keys}:
            raise FoundError(
                Finding(
                    Status.ALTERED, f"the checkpoint of {name} is not signed by a key of the log that you trust", name
                )
            )
        if system.log_id not in (None, _log_id(origin)):
            raise FoundError(
                Finding(Status.ALTERED, "the signing keys that the facts install are of another log", name)
            )
        (_check_facts if name == "facts" else _check_events)(log, keys)


def check_kept_note(note: Note, named: Iterable[Sequence[Key]], *, is_trusted: bool) -> None:
    """What follows from a checkpoint that the auditor kept, of a log of the export, and that no key of the log signed.

    `named`: the keys of the logs, `is_trusted`: they lead from one that the auditor names. Where one of these is named
    in the note, or the export is by a trusted key, the note is at fault. Otherwise the log has other keys than it had.
    Raises `FoundError`.
    """
    origin = note.checkpoint.origin
    keys = {(key.name, key.number) for of_log in named for key in of_log if key.name == origin}
    if any((name, number) in keys for name, number, _ in note.signatures):
        sentence = f"the signature under your checkpoint of {origin} is not over its text: it is not as it was signed"
    elif is_trusted:
        sentence = f"your checkpoint of {origin} is not signed by a key of the log that you trust"
    else:
        sentence = f"your checkpoint of {origin} is signed by another key than those of the log in the file"
        raise FoundError(Finding(Status.ALTERED, sentence, origin.rpartition("/")[2]))
    raise FoundError(Finding(Status.UNUSABLE, sentence, origin.rpartition("/")[2]))


def _of_system(keys: Collection[Key], origin: str) -> set[bytes]:
    """The public keys of the system of this log; one key signs all logs of a system."""
    return {key.public for key in keys if _log_id(key.name) == _log_id(origin)}


def _log_id(origin: str) -> str:
    return origin.rpartition("/")[0]


def _check_facts(log: SealedLog, keys: Keys) -> None:
    """A rotation counts from the first checkpoint on that covers it."""
    for size in sorted(log.signed_by):
        position, public = next(installed for installed in reversed(keys) if installed[0] <= size)
        if public not in {key.public for key in log.signed_by[size]}:
            since = f"installed at position {position}" if position else "the first one"
            sentence = f"the checkpoint of size {size} of {log.name} is not signed by the key in force then, {since}"
            raise FoundError(Finding(Status.ALTERED, sentence, log.name))


def _check_events(log: SealedLog, keys: Keys) -> None:
    """Which facts were sealed when an event was is not known; but no key signs after the one that replaced it."""
    order = {public: place for place, (_, public) in enumerate(keys)}
    newest = 0
    for size in sorted(log.signed_by):
        places = [order[key.public] for key in log.signed_by[size] if key.public in order]
        if not places or max(places) < newest:
            sentence = f"the checkpoint of size {size} of {log.name} is signed by a key that was replaced before"
            raise FoundError(Finding(Status.ALTERED, sentence, log.name))
        newest = max(places)
