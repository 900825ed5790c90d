"""Mistakes that are easily made where what is recorded is sealed and compared, each with the test that notices it."""

from typing import Final

from tests.test_the_tests.mistakes_in_delivery import Mistake

MISTAKES: Final = (
    Mistake(
        "a proof is made of the hashes that are stored, whatever was sealed",
        "services/audit/proof_paths.py",
        "if levels is None or levels[0][place] != own:",
        "if levels is None:",
        "audit/test_fact_proofs.py::test_what_is_not_as_it_was_sealed_makes_no_proof_and_the_answer_says_so[a fact]",
    ),
    Mistake(
        "what was proved once is kept for ever",
        "services/audit/fact_prover.py",
        "is not None and fact.until > now",
        "is not None",
        "audit/test_fact_proofs.py"
        "::test_what_was_proved_is_proved_again_from_what_is_kept_and_read_again_after_a_minute",
    ),
    Mistake(
        "an explanation does not say that facts are not sealed yet",
        "services/audit/answer_proofs.py",
        "unsealed = sum(position > end for position in positions)",
        "unsealed = 0",
        "audit/test_fact_proofs.py::test_every_sealed_fact_is_proved_and_the_answer_counts_the_others",
    ),
    Mistake(
        "the last node of a level is taken for one with a sibling on its right",
        "services/audit/merkle.py",
        "on_the_left = bool(place & 1) or place == last",
        "on_the_left = bool(place & 1)",
        "audit/test_merkle.py::test_published_inclusion_proofs[2-3]",
    ),
    Mistake(
        "a column that steers the routing is not sealed",
        "services/audit/entries.sql",
        """',"partner_id":' || coalesce(to_json(e.partner_id)::text, 'null')""",
        """',"partner_id":null'""",
        "audit/test_sealing.py::test_a_checkpoint_is_the_root_over_every_column_and_the_exact_bytes",
    ),
    Mistake(
        "a follower that compared once does not look at what changes behind it",
        "services/audit/alteration_watch.py",
        "if check is not None and check.state == state and not due:",
        "if check is not None and not due:",
        "audit/test_attacks.py::test_a_running_follower_notices_a_change_far_back_before_it_derives",
    ),
    Mistake(
        "a rebuild derives from whatever is there",
        "services/compliance/projection/rebuild.py",
        "asyncio.run(check.compare_facts())",
        "asyncio.run(asyncio.sleep(0))",
        "audit/test_attacks.py::test_a_rebuild_never_launders_a_forged_fact",
    ),
    Mistake(
        "a witness trusts the size that it is asked with",
        "services/audit/witness/witness.py",
        "if submission.old_size != seen.size:",
        "if submission.old_size > submission.checkpoint.size:",
        "audit/test_witness.py::test_what_is_no_extension_is_refused_for_ever",
    ),
    Mistake(
        "a rotation installs a key that nobody signed for",
        "services/audit/key_rotations.py",
        "        Ed25519PublicKey.from_public_bytes(previous).verify(signature, _statement(previous, public_key))\n",
        "",
        "audit/test_sealing.py::test_a_rotation_that_the_key_did_not_sign_installs_nothing",
    ),
    Mistake(
        "an export up to a position holds what time made of later facts",
        "services/audit/export.sql",
        "SELECT e.recorded_at <= f.recorded_at FROM",
        "SELECT true FROM",
        "verify/test_the_systems_exports.py"
        "::test_an_export_up_to_a_position_leaves_out_what_a_later_fact_had_announced",
    ),
    Mistake(
        "an export ends where the claims of later facts begin, whatever engine made them",
        "services/audit/export.sql",
        "CASE WHEN e.engine = ANY ($2::text[]) THEN -1 ELSE $1 END",
        "$1",
        "claims/test_claim_reach.py::test_the_first_claim_of_a_later_fact_or_engine_is_the_one_that_a_walk_finds",
    ),
    Mistake(
        "an export ends before a claim that nobody can have made",
        "services/audit/export.py",
        'if row["position"] > head:',
        "if False:",
        "audit/test_exports.py::test_no_export_ends_early_because_of_a_claim_that_nobody_can_have_made",
    ),
    Mistake(
        "a claim is sealed whatever facts it names",
        "services/audit/sealer.py",
        "            if position > facts:",
        "            if False:",
        "audit/test_attack_variants.py::test_who_notices[an answer from facts that are not there]",
    ),
    Mistake(
        "a signing key is known that no fact installs",
        "services/audit/key_rotations.py",
        "for place, key in enumerate(keys) if key not in installed[place : place + 1]",
        "for place, key in enumerate(keys[:1]) if key not in installed[place : place + 1]",
        "audit/test_attack_variants.py::test_who_notices[one signing key more]",
    ),
    Mistake(
        "a witness that closed an idle connection is taken for one that is away",
        "services/audit/witness_client.py",
        "return await _post_once(session, witness, request)  # a checkpoint may be added twice",
        "raise",
        "audit/test_witness.py::test_a_witness_that_closed_an_idle_connection_is_asked_again_at_once[False]",
    ),
    Mistake(
        "an answer of a witness is its first piece",
        "services/audit/witness_client.py",
        "        body += piece\n",
        "        return piece.decode()\n",
        "audit/test_witness.py::test_a_witness_that_hangs_holds_up_neither_the_log_nor_another_witness",
    ),
)
