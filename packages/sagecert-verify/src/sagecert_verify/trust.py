"""Whom the auditor trusts: keys of logs and witnesses, and how many witnesses must have signed (C2SP tlog-policy)."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sagecert_verify.note import COSIGNATURE, ED25519, Key, MalformedNoteError

LINES_MAX: Final = 10_000
NONE: Final = "none"


class MalformedPolicyError(ValueError):
    """It is not a policy. The message names the line."""


class Group(NamedTuple):
    """Has witnessed a checkpoint where at least `threshold` of its members have."""

    threshold: int
    members: tuple[str, ...]


class Trust(NamedTuple):
    """A policy: a checkpoint counts if one of `logs` signed it and the quorum has witnessed it."""

    logs: tuple[Key, ...]
    witnesses: dict[str, Key]
    groups: dict[str, Group]
    quorum: str

    @property
    def asks_for_witnesses(self) -> bool:
        """Whether a checkpoint counts only when witnessed."""
        return self.quorum != NONE

    def is_witnessed(self, signed: Iterable[Key]) -> bool:
        """Whether the signatures of these keys make the quorum."""
        by = set(signed)
        return self.asks_for_witnesses and self._has_witnessed(self.quorum, by)

    def _has_witnessed(self, name: str, by: set[Key]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name] in by
        group = self.groups[name]
        return sum(self._has_witnessed(member, by) for member in group.members) >= group.threshold


def read_policy(text: str) -> Trust:
    """Raises `MalformedPolicyError`."""
    logs: list[Key] = []
    witnesses: dict[str, Key] = {}
    groups: dict[str, Group] = {}
    quorum: str | None = None
    lines = text.split("\n")
    if len(lines) > LINES_MAX:
        raise MalformedPolicyError(f"a policy has at most {LINES_MAX} lines")
    for number, line in enumerate(lines, start=1):
        items = line.split()
        if not items or items[0].startswith("#"):
            continue
        try:
            match items:
                case ["log", key] | ["log", key, _]:
                    logs.append(_key(key, ED25519))
                case ["witness", name, key] | ["witness", name, key, _] if name not in {*witnesses, *groups, NONE}:
                    witnesses[name] = _key(key, COSIGNATURE)
                case ["group", name, threshold, *members] if name not in {*witnesses, *groups, NONE} and members:
                    groups[name] = _group(threshold, members, {*witnesses, *groups})
                case ["quorum", name] if quorum is None and (name == NONE or name in {*witnesses, *groups}):
                    quorum = name
                case _:
                    raise MalformedPolicyError("unknown, unfinished or said twice")
        except (MalformedNoteError, MalformedPolicyError) as problem:
            raise MalformedPolicyError(f"line {number} of the policy: {problem}") from None
    if quorum is None:
        raise MalformedPolicyError("the policy names no quorum; without witnesses say: quorum none")
    return Trust(tuple(logs), witnesses, groups, quorum)


def _key(text: str, kind: int) -> Key:
    key = Key.read(text)
    if key.kind != kind:
        raise MalformedPolicyError(f"the key of {key.name} signs {'notes' if key.kind == ED25519 else 'as a witness'}")
    return key


def _group(threshold: str, members: list[str], known: set[str]) -> Group:
    if not set(members) <= known or len(set(members)) != len(members):
        raise MalformedPolicyError("a group has members that are named above, each once")
    if threshold in ("any", "all"):
        return Group(1 if threshold == "any" else len(members), tuple(members))
    if not threshold.isascii() or not threshold.isdigit() or not 0 < int(threshold[:6]) <= len(members):
        raise MalformedPolicyError("a group counts from 1 to all of its members")
    return Group(int(threshold), tuple(members))
