"""Each verdict of `sagecert-verify`, by its exit status and its first line."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sagecert_verify.command import main
from sagecert_verify.derive.event_data import event_id
from sagecert_verify.note import COSIGNATURE
from sagecert_verify.rows import short
from tests.verify.exports import (
    FACTS_LOG,
    OTHER_WITNESS,
    POLICY,
    POLICY_WITHOUT_WITNESSES,
    SIGNERS,
    WITNESS,
    Export,
    Signer,
    archive,
    changed,
    claim_entries,
    edited,
    export_of,
    write,
)

UNREVISED_SEED = 7
SEED = 43
WITNESSED = {log: [signer, WITNESS, OTHER_WITNESS] for log, signer in SIGNERS.items()}
Verify = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def export() -> Export:
    return export_of(SEED)


@pytest.fixture
def verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    def run(
        members: Mapping[str, bytes], *options: str, policy: str | None = None, checkpoint: str | None = None
    ) -> tuple[int, str]:
        arguments = [str(write(tmp_path / "export.tar.gz", members)), "--processes", "1", *options]
        for option, text in (("--policy", policy), ("--checkpoint", checkpoint)):
            if text is not None:
                path = tmp_path / option.strip("-")
                path.write_text(text, encoding="utf-8")
                arguments += [option, str(path)]
        status = main(arguments)
        return status, capsys.readouterr().out

    return run


def test_witnessed_and_rederived(export: Export, verify: Verify) -> None:
    status, said = verify(replace(export, signers=WITNESSED).members(), policy=POLICY)
    assert status == 0
    assert said.startswith("0: witnessed and re-derived\n")
    assert "Derived again" in said


def test_too_few_witnesses_leave_a_split_view_possible(export: Export, verify: Verify) -> None:
    signers = {**WITNESSED, "facts": [FACTS_LOG, WITNESS]}
    status, said = verify(replace(export, signers=signers).members(), policy=POLICY)
    assert status == 11
    assert said.startswith("11: re-derived, but a split view is possible\n")


def test_stamps_that_the_clocks_of_witnesses_contradict(export: Export, verify: Verify) -> None:
    """The witnesses of the tests sign in November 2023, and the facts are of 2022."""
    kept = replace(export, signers=WITNESSED, kept={"facts": [4]})
    status, said = verify(kept.members(), policy=POLICY)
    assert status == 0
    assert "The fact at position 5 is stamped 2022-" in said
    assert "before a witness first saw it" in said
    assert "first saw it" not in verify(replace(export, signers=WITNESSED).members(), policy=POLICY)[1]

    early = [dict(json.loads(entry.partition(b"\n")[0]))["recorded_at"] for entry in export.entries["facts"]]
    assert early[-1] < "2023-11-14"
    later = [Signer(name, COSIGNATURE, seconds=1_000_000_000) for name in ("witness.test", "other.test")]
    status, said = verify(
        replace(export, signers={log: [signer, *later] for log, signer in SIGNERS.items()}).members(), policy=POLICY
    )
    assert status == 0
    assert f"The fact at position {len(early)} is stamped {short(early[-1])}" in said
    assert "after a witness had seen it" in said


def test_an_earlier_checkpoint_of_the_same_history(export: Export, verify: Verify) -> None:
    earlier = export.note("facts", 5)
    status, said = verify(export.members(), policy=POLICY_WITHOUT_WITNESSES, checkpoint=earlier)
    assert status == 10
    assert said.startswith("10: re-derived, not witnessed\n")


def test_nothing_to_compare_with(export: Export, verify: Verify) -> None:
    status, said = verify(export.members())
    assert status == 20
    assert said.startswith("20: re-derived, but there is no earlier checkpoint to compare\n")
    assert "name yours with --policy" in said


def test_a_changed_entry_is_named_by_its_position(export: Export, verify: Verify) -> None:
    members = export.members()
    name = next(name for name in members if name.startswith("facts/tile/entries"))
    place = members[name].index(export.entries["facts"][6]) + 300
    members[name] = members[name][:place] + bytes([members[name][place] ^ 1]) + members[name][place + 1 :]
    status, said = verify(members)
    assert status == 30
    assert said.startswith("30: the log was altered at position 7 of facts\n")


def test_a_rewritten_history_is_not_that_of_the_earlier_checkpoint(export: Export, verify: Verify) -> None:
    """Everything is consistent, signed by the right key, and derived again: only what the auditor kept tells."""
    rewritten = export_of(SEED + 1)
    status, said = verify(rewritten.members(), checkpoint=export.note("facts", 9))
    assert status == 30
    assert "of another history" in said


def test_a_kept_checkpoint_of_another_history(export: Export, verify: Verify) -> None:
    """The log once signed another past: whoever kept its note, or the export itself, tells."""
    other = export_of(SEED + 1)
    members = {}
    for name, content in export.members().items():
        members[name] = content
        if name == "facts/checkpoint":
            row = {"size": 3, "note": other.note("facts", 3)}
            members["facts/checkpoints/000.jsonl"] = json.dumps(row).encode() + b"\n"
    status, said = verify(members)
    assert status == 30
    assert "a checkpoint that was published, of size 3, is of another history" in said


def test_another_key_is_not_the_logs(export: Export, verify: Verify) -> None:
    forger = Signer(FACTS_LOG.key.name, seed="forger")
    members = replace(export, signers={**export.signers, "facts": [forger]}).members()
    assert verify(members)[0] == 20
    status, said = verify(members, policy=POLICY)
    assert status == 30
    assert "is not signed by a key of the log" in said


def test_a_kept_checkpoint_that_no_key_of_the_log_signed_proves_nothing(export: Export, verify: Verify) -> None:
    kept = export.note("facts", 5)
    spoilt = kept.replace("\n5\n", "\n4\n", 1)
    for policy in (None, POLICY_WITHOUT_WITNESSES):
        status, said = verify(export.members(), policy=policy, checkpoint=spoilt)
        assert status == 64
        assert said.startswith("64: no verdict, because a checkpoint of yours cannot be used\n")
        assert f"the signature under your checkpoint of {FACTS_LOG.key.name} is not over its text" in said
    forger = Signer(FACTS_LOG.key.name, seed="forger")
    strange = replace(export, signers={**export.signers, "facts": [forger]})
    status, said = verify(export.members(), policy=POLICY_WITHOUT_WITNESSES, checkpoint=strange.note("facts", 5))
    assert status == 64
    assert "is not signed by a key of the log that you trust" in said
    status, said = verify(strange.members(), checkpoint=kept)
    assert status == 30
    assert "is signed by another key than those of the log in the file" in said
    altered = changed(export, "facts", 7, export.entries["facts"][7]).members()
    status, said = verify(altered, checkpoint=spoilt)
    assert status == 30
    assert "is not signed by a key of the log: compared with nothing" in said


def test_a_cut_tail(export: Export, verify: Verify) -> None:
    earlier = export.note("facts")
    shorter = replace(export, entries={**export.entries, "facts": export.entries["facts"][:-2]})
    status, said = verify(shorter.members(), checkpoint=earlier)
    assert status == 30
    assert f"30: the log was altered at position {len(export.entries['facts']) - 1} of facts" in said


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"notification_id": 9}, "the positions have a gap"),
        ({"recorded_at": "2000-01-01T00:00:00.000000Z"}, "its stamp is earlier than the one before it"),
        ({"originator_version": 9}, "has a gap"),
        ({"fact_id": "f1"}, "there is another fact f1"),
        ({"fact_id": "other"}, "its column fact_id is not what its bytes say"),
        ({"effective_at": "2001-01-01T00:00:00.000000Z"}, "its column effective_at is not what its bytes say"),
        ({"consultant_id": "nobody"}, "its column consultant_id is not what its bytes say"),
        ({"append_position": 1}, "it lies after the end of its append"),
        ({"held": 3}, "its column held is missing or of another type"),
        ({"recorded_at": "yesterday"}, "its column recorded_at is not an instant"),
    ],
)
def test_a_log_that_the_system_cannot_have(
    export: Export, verify: Verify, columns: dict[str, Any], sentence: str
) -> None:
    """The owner of the log seals what is wrong in itself."""
    places = enumerate(export.entries["facts"], start=1)
    position = next(place for place, entry in places if b"consultant-linked" in entry and place > 4)
    wrong = changed(export, "facts", position, edited(export.entries["facts"][position - 1], **columns))
    status, said = verify(wrong.members())
    assert status == 30
    assert said.startswith(f"30: the log was altered at position {position} of facts\n")
    assert sentence in said


def test_an_event_that_does_not_follow(export: Export, verify: Verify) -> None:
    events = export.entries["compliance"]
    position = next(place for place, event in enumerate(events, 1) if b"replacement-window-opened" in event)
    wrong = changed(export, "compliance", position, events[position - 1].replace(b'"headcount":', b'"headcount":1'))
    status, said = verify(wrong.members())
    assert status == 40
    assert said.startswith(f"40: the derivation differs at position {position} of compliance\n")
    assert "headcount is 1" in said
    assert "Rule: R13" in said


@pytest.mark.parametrize("is_known", [False, True])
def test_a_standing_that_differs_since_an_instant_at_which_its_step_changed_nothing(
    verify: Verify, is_known: bool
) -> None:
    """Since when depends on grounds that no event shows; but the facts of the step change one then.

    `is_known`: an earlier fact about the partner takes effect at the instant.
    """
    export = export_of(UNREVISED_SEED)
    events = export.entries["compliance"]
    position = max(place for place, event in enumerate(events, 1) if b"standing-changed.v1" in event)
    line, _, body = events[position - 1].partition(b"\n")
    columns = json.loads(line)
    facts = (json.loads(fact.partition(b"\n")[0]) for fact in export.entries["facts"])
    known = min(fact["effective_at"] for fact in facts if fact["partner_id"] == columns["partner_id"])
    assert columns["effective_at"] > known
    columns["effective_at"] = known if is_known else "2021-03-04T05:06:07.000008Z"
    said = columns["type"], short(columns["effective_at"]), short(columns["recorded_at"]), columns["about"]
    columns["event_id"] = event_id(*said, 1, body)
    wrong = changed(export, "compliance", position, edited(events[position - 1], **columns))
    status, said_of_it = verify(wrong.members())
    assert status == 40
    assert said_of_it.startswith(f"40: the derivation differs at position {position} of compliance\n")


def test_an_event_that_is_missing(export: Export, verify: Verify) -> None:
    last = len(export.entries["compliance"])
    middle = last // 2
    lines = [
        edited(event, position=place if place < middle else place - 1)
        for place, event in enumerate(export.entries["compliance"], 1)
        if place != middle
    ]
    status, said = verify(replace(export, entries={**export.entries, "compliance": lines}).members())
    assert status == 40
    assert said.startswith("40: the derivation differs at position ")


def test_a_decision_that_does_not_follow(export: Export, verify: Verify) -> None:
    facts = export.entries["facts"]
    position = next(place for place, fact in enumerate(facts, 1) if b"consultant-certified" in fact)
    body = facts[position - 1].replace(b'"periods":[{"from":"2022', b'"periods":[{"from":"2021')
    status, said = verify(changed(export, "facts", position, body).members())
    assert status == 40
    assert said.startswith(f"40: the derivation differs at position {position} of facts\n")


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        (b'"kind":"VAR"', b'"kind":"NONE"'),
        (b'"programme":"PARTNER_SUCCESS"', b'"programme":["PARTNER_SUCCESS"]'),
        (b'"granted_at":"2022', b'"granted_at":"9999'),
        (b'"periods":[{"from"', b'"periods":[{"form"'),
        (b'"score":"', b'"score":"x'),
        (b'"data":{', b'"data":[],"other":{'),
        (b'"effective_at":"2022', b'"effective_at":["2022'),
    ],
)
def test_a_malformed_fact_is_a_sentence(export: Export, verify: Verify, told: bytes, instead: bytes) -> None:
    """The owner of the log seals what no contract allows: it ends with a verdict, not with a traceback."""
    facts = [entry.partition(b"\n") for entry in export.entries["facts"]]
    position = next(place for place, (_, _, body) in enumerate(facts, 1) if told in body)
    line, separator, body = facts[position - 1]
    wrong = changed(export, "facts", position, line + separator + body.replace(told, instead))
    assert verify(wrong.members())[0] in (30, 40)


def test_claims(export: Export, verify: Verify) -> None:
    last = len(export.entries["facts"])
    claim = {
        "product": "S200P",
        "customer": "new",
        "allowed": False,
        "at": "2001-01-01T00:00:00.000000Z",
        "position": last,
        "policy_id": "2021-08",
        "engine": "e",
        "actor": "local",
    }
    right, wrong = ({"partner_id": "P1", **claim, "allowed": allowed} for allowed in (False, True))
    both = replace(export, entries={**export.entries, "claims": claim_entries([right, wrong])})
    assert verify(replace(both, entries={**both.entries, "claims": claim_entries([right])}).members())[0] == 20
    status, said = verify(both.members())
    assert status == 40
    assert said.startswith("40: the derivation differs at position 2 of claims\n")
    assert "P1 was allowed to serve new customers" in said


@pytest.mark.parametrize("instead", [b"true", None])
def test_a_claim_that_was_made_right_afterwards_or_deleted(
    export: Export, verify: Verify, instead: bytes | None
) -> None:
    """Claims are sealed, though nothing follows from them."""
    names = {**dict.fromkeys(("policy_id", "engine", "actor"), "x"), "product": "S200P", "customer": "new"}
    claims = [
        {**names, "partner_id": f"P{n}", "allowed": False, "at": "2022-03-01T09:00:00.000000Z"} for n in (1, 2, 3)
    ]
    entries = claim_entries([{**claim, "position": 1} for claim in claims])
    sealed = replace(export, entries={**export.entries, "claims": entries})
    forged = changed(sealed, "claims", 2, instead and entries[1].replace(b"false", instead))

    status, said = verify(forged.members(), checkpoint=sealed.note("claims"))
    assert status == 30
    assert "your earlier checkpoint" in said

    as_sealed = {name: content for name, content in sealed.members().items() if "/tile/entries/" not in name}
    status, said = verify({**forged.members(), **as_sealed})
    assert status == (30 if instead else 2)
    assert not instead or said.startswith("30: the log was altered at position 2 of claims\n")


def test_a_lagging_compliance_log_is_no_difference(export: Export, verify: Verify) -> None:
    behind = replace(export, entries={**export.entries, "compliance": []})
    status, said = verify(behind.members())
    assert status == 20
    assert "are not in the compliance log yet" in said


def test_a_partners_export_says_what_it_cannot_prove(export: Export, verify: Verify) -> None:
    members = export.partner_members("P1", {"facts": [1, 3, 4], "compliance": [2]})
    status, said = verify(members)
    assert status == 20
    assert said.splitlines()[0].endswith("nothing was re-derived")
    assert "It cannot prove that nothing is left out" in said
    assert "No fact in it names the partner" not in said
    _, said = verify(export.partner_members("P1O", {"facts": [1]}))
    assert "No fact in it names the partner: its id may be written otherwise." in said
    members["facts/entries/3"] = members["facts/entries/3"].replace(b"Z", b"z", 1)
    status, said = verify(members)
    assert status == 30
    assert said.startswith("30: the log was altered at position 3 of facts\n")


def test_the_report_as_json(export: Export, verify: Verify) -> None:
    status, said = verify(export.members(), "--json")
    report = json.loads(said)
    assert report["status"] == status == 20
    assert report["derived"]["events"] == len(export.entries["compliance"])
    assert report["finding"] is None


def test_the_same_with_several_processes(export: Export, verify: Verify) -> None:
    assert verify(export.members(), "--processes", "2")[0] == 20


def damages(members: Mapping[str, bytes]) -> dict[str, Callable[[Path], object]]:
    whole = archive(members)
    first = {**dict(list(members.items())[:1])}
    return {
        "not a gzip file": lambda path: path.write_bytes(whole),
        "ends early": lambda path: path.write_bytes(write(path, members).read_bytes()[:-300]),
        "something follows": lambda path: path.write_bytes(write(path, members).read_bytes() + b"more"),
        "there is no checkpoint": lambda path: write(path, first),
        "begins with its manifest": lambda path: write(path, {"etc/passwd": b""}),
        "is not that of an export": lambda path: write(path, {"manifest.json": b"[" * 100_000}),
        "belongs to no export": lambda path: write(path, {**first, "../up": b""}),
        "more than": lambda path: write(path, {**first, "facts/checkpoint": bytes(33 << 20)}),
        "cannot be read": lambda path: path.mkdir(),
    }


@pytest.mark.parametrize("sentence", damages({"manifest.json": b"{}"}))
def test_a_damaged_file(export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str], sentence: str) -> None:
    path = tmp_path / "export.tar.gz"
    damages(export.members())[sentence](path)
    assert main([str(path), "--processes", "1"]) == 2
    said = capsys.readouterr().out
    assert said.startswith("2: the file is damaged\n")
    assert sentence in said


def test_what_cannot_be_used(export: Export, verify: Verify, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(export.members(), policy="log x+y+z\n")[0] == 64
    assert verify(export.members(), checkpoint="no note")[0] == 64
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 64
