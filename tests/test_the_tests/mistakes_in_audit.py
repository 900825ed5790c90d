"""Mistakes that are easily made where what is recorded is sealed and compared, each with the test that notices it."""

from typing import Final

from tests.test_the_tests.mistakes_in_delivery import Mistake

MISTAKES: Final = (
    Mistake(
        "a proof is made of the hashes that are stored, whatever was sealed",
        "services/audit/proof_paths.py",
        "if len(some) != GROUP or some[place] != own:",
        "if len(some) != GROUP:",
        "audit/test_fact_proofs.py::test_what_is_not_as_it_was_sealed_makes_no_proof_and_the_answer_says_so[a fact]",
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
        "an answer of a witness is its first piece",
        "services/audit/witness_client.py",
        "        body += piece\n",
        "        return piece.decode()\n",
        "audit/test_witness.py::test_a_witness_that_hangs_holds_up_neither_the_log_nor_another_witness",
    ),
)
