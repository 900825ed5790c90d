"""Checkpoints are signed by the key in force, to which the facts lead; the manifest says nothing that they do not."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sagecert_verify.command import main
from services.audit.key_rotations import rotation_to
from shared.events.envelope import Fact
from shared.events.system_facts import SigningKeyRotated
from tests.verify.exports import LOGS, Export, Signer, claim_entries, export_of, fact_entries, write

LOG_ID = "sagecert.test"
Verdict = Callable[..., tuple[int, str]]


def signers(seed: str) -> dict[str, Signer]:
    """One key, which signs all logs."""
    return {log: Signer(f"{LOG_ID}/{log}", seed=seed) for log in LOGS}


FIRST, SECOND, FORGER = signers("first"), signers("second"), signers("forger")
BOTH = {log: [SECOND[log]] for log in LOGS}


def rotation(previous: Ed25519PrivateKey, following: Mapping[str, Signer], log_id: str = LOG_ID) -> SigningKeyRotated:
    return rotation_to(log_id, following["facts"].key.public, previous)


def with_rotation(export: Export, data: SigningKeyRotated) -> Export:
    """The rotation is recorded as the last fact; the checkpoint that covers it is signed by the second key."""
    facts = export.entries["facts"]
    instant = datetime.fromisoformat(json.loads(facts[-1].partition(b"\n")[0])["recorded_at"])
    place = len(facts) + 1
    recorded = fact_entries([Fact("rotation", instant, instant, data, place, place)])
    keys = {log: [FIRST[log], SECOND[log]] for log in LOGS}
    entries = {**export.entries, "facts": [*facts, *recorded], "compliance": []}
    return replace(export, entries=entries, signers=BOTH, keys=keys)


@pytest.fixture(scope="module")
def export() -> Export:
    return replace(export_of(43), signers={log: [FIRST[log]] for log in LOGS})


@pytest.fixture
def verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verdict:
    def run(members: Mapping[str, bytes], trusted: Sequence[Mapping[str, Signer]] = ()) -> tuple[int, str]:
        arguments = [str(write(tmp_path / "export.tar.gz", members)), "--processes", "1"]
        if trusted:
            policy = tmp_path / "policy"
            lines = [f"log {signer.text}\n" for own in trusted for signer in own.values()]
            policy.write_text("".join([*lines, "quorum none\n"]))
            arguments += ["--policy", str(policy)]
        return main(arguments), capsys.readouterr().out

    return run


def kept(export: Export, signed: Mapping[int, Signer]) -> dict[str, bytes]:
    """The members, with earlier checkpoints of the facts, each signed by a key."""
    members = export.members()
    notes = {
        size: replace(export, signers={**export.signers, "facts": [by]}).note("facts", size)
        for size, by in signed.items()
    }
    lines = [json.dumps({"size": size, "note": note}).encode() + b"\n" for size, note in sorted(notes.items())]
    found = {}
    for name, content in members.items():
        found[name] = content
        if name == "facts/checkpoint":
            found["facts/checkpoints/000.jsonl"] = b"".join(lines)
    return found


def test_a_key_is_trusted_for_the_one_that_it_signed_for(export: Export, verdict: Verdict) -> None:
    """And the one before it is, because the log that it signs says which that was."""
    rotated = with_rotation(export, rotation(FIRST["facts"].private, SECOND))
    place = len(rotated.entries["facts"])
    members = kept(rotated, {3: FIRST["facts"], place - 1: FIRST["facts"], place: SECOND["facts"]})
    for trusted in ((), (FIRST,), (SECOND,), (FIRST, SECOND)):
        assert verdict(members, trusted)[0] == 20
    status, said = verdict(members, (FORGER,))
    assert status == 30
    assert "not signed by a key of the log that you trust" in said


@pytest.mark.parametrize(("size", "by"), [(0, FIRST), (-1, SECOND)])
def test_a_key_signs_neither_before_nor_after_its_time(
    export: Export, verdict: Verdict, size: int, by: Mapping[str, Signer]
) -> None:
    rotated = with_rotation(export, rotation(FIRST["facts"].private, SECOND))
    place = len(rotated.entries["facts"]) + size
    status, said = verdict(kept(rotated, {place: by["facts"]}), (FIRST,))
    assert status == 30
    assert f"the checkpoint of size {place} of facts is not signed by the key in force then" in said


def test_an_event_log_is_not_signed_by_a_key_that_was_replaced(export: Export, verdict: Verdict) -> None:
    rotated = with_rotation(export, rotation(FIRST["facts"].private, SECOND))
    events = replace(rotated, entries={**rotated.entries, "compliance": export.entries["compliance"][:1]})
    again = replace(events, signers={**BOTH, "compliance": [FIRST["compliance"]]})
    assert verdict(again.members())[0] in (20, 40)  # nothing says when it was sealed
    before = replace(again, entries={**again.entries, "compliance": export.entries["compliance"][:2]})
    lines = {"size": 1, "note": events.note("compliance", 1)}
    members = {}
    for name, content in before.members().items():
        members[name] = content
        if name == "compliance/checkpoint":
            members["compliance/checkpoints/000.jsonl"] = json.dumps(lines).encode() + b"\n"
    status, said = verdict(members)
    assert status == 30
    assert "is signed by a key that was replaced before" in said


@pytest.mark.parametrize(
    ("forged", "sentence"),
    [
        (
            rotation(FORGER["facts"].private, SECOND),
            "the keys of facts in the manifest are not those that the facts install",
        ),
        (rotation(FIRST["facts"].private, SECOND, "sagecert.other"), "of another log"),
        (rotation(FIRST["facts"].private, FIRST), "to an old key"),
        (
            SigningKeyRotated(
                LOG_ID, "a" * 43 + "=", rotation(FIRST["facts"].private, SECOND).previous_public_key, "b" * 86 + "=="
            ),
            "the key before it did not sign the change",
        ),
    ],
)
def test_a_rotation_that_the_key_in_force_did_not_sign(
    export: Export, verdict: Verdict, forged: SigningKeyRotated, sentence: str
) -> None:
    status, said = verdict(with_rotation(export, forged).members(), (FIRST,))
    assert status in (2, 30)
    assert sentence in said


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"key_facts": []}, "the key facts in the manifest are not those in the log"),
        ({"engine_facts": [1]}, "the engine facts in the manifest are not those in the log"),
        ({"policy_facts": [1]}, "the policy facts in the manifest are not those in the log"),
    ],
)
def test_the_manifest_lists_what_the_facts_say(
    export: Export, verdict: Verdict, changed: dict[str, Any], sentence: str
) -> None:
    members = with_rotation(export, rotation(FIRST["facts"].private, SECOND)).members()
    manifest = json.loads(members["manifest.json"])
    status, said = verdict({**members, "manifest.json": json.dumps(manifest | changed).encode()})
    assert status == 2
    assert sentence in said


@pytest.mark.parametrize(
    ("member", "line", "sentence"),
    [
        ("erasures/000.jsonl", {"fact_id": "nowhere"}, "the erasures name a fact that the export lacks"),
        ("erasures/000.jsonl", ["f1"], "a line of the erasures names no fact"),
    ],
)
def test_erasures_go_by_what_is_sealed(
    export: Export, verdict: Verdict, member: str, line: object, sentence: str
) -> None:
    status, said = verdict({**export.members(), member: json.dumps(line).encode() + b"\n"})
    assert status == 2
    assert sentence in said


def test_a_claim_depends_on_facts_that_are_there(export: Export, verdict: Verdict) -> None:
    claim = {
        **dict.fromkeys(("partner_id", "product", "policy_id", "engine", "actor"), "x"),
        "customer": "new",
        "allowed": True,
        "position": 10_000,
        "at": "2022-03-01T09:00:00.000000Z",
    }
    status, said = verdict(replace(export, entries={**export.entries, "claims": claim_entries([claim])}).members())
    assert status == 2
    assert "a claim depends on facts that the export lacks" in said
