"""The closed vocabulary of why a fact changed nothing."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from shared.events.envelope import Fact
from shared.events.facts import REPORTED, ExamRegistered, FactVoided, PortalChangeCorrected, ScoreCorrected

NoEffect = Literal[
    "already_certified",
    "already_enrolled",
    "already_left",
    "already_linked",
    "already_passed",
    "already_revoked",
    "corrected_later",
    "course_already_completed",
    "departure_before_link",
    "due_before_announcement",
    "kind_unknown",
    "link_ended",
    "link_moved",
    "minor_change",
    "not_in_programme",
    "not_linked",
    "not_obliged",
    "nothing_to_end",
    "nothing_to_revoke",
    "overruled",
    "partner_closed",
    "partner_merged_away",
    "partner_not_enrolled",
    "policy_unchanged",
    "programme_not_eligible",
    "revoked_at_once",
    "same_kind",
    "score_unchanged",
    "takes_effect_later",
    "terms_unchanged",
    "voided",
    "waits_for_assessment",
    "waits_for_pass",
    "waits_for_portal_change",
    "waits_for_registration",
    "waits_for_score",
]
"""A reason is added where a rule gives one more way to change nothing; none is renamed or removed."""

Findings = Iterator[tuple[Fact, NoEffect]]
"""Facts that changed nothing, each with the reason, in any order."""


class Explanation(NamedTuple):
    """The rule by which the fact changed nothing, and a sentence."""

    rule: str
    text: str


EXPLANATIONS: Final[Mapping[NoEffect, Explanation]] = MappingProxyType(
    {
        "already_certified": Explanation(
            "R24", "The person was certified for the product throughout, by an earlier grant."
        ),
        "already_enrolled": Explanation(
            "R11", "The partner was enrolled before and stays enrolled: both programmes are eligible."
        ),
        "already_left": Explanation("R23", "The person had left the partner before."),
        "already_linked": Explanation(
            "R23", "The person was linked to the partner before, and linking again changes nothing."
        ),
        "already_passed": Explanation("R7", "An earlier attempt passed and ended the registration."),
        "already_revoked": Explanation("R37", "An earlier revocation ended everything that this one could end."),
        "corrected_later": Explanation("R38", "A later correction changed each of its terms again."),
        "course_already_completed": Explanation("R4", "The course was completed earlier, and the first one counts."),
        "departure_before_link": Explanation(
            "R17", "At one instant departures come before links: the person was not linked yet."
        ),
        "due_before_announcement": Explanation(
            "R38", "It sets a due day before the announcement of the portal change that it waited for."
        ),
        "kind_unknown": Explanation("R11", "No fact gives the kind of the partner, so no programme enrols it."),
        "link_ended": Explanation("R29", "The closure of the partner had ended the link before."),
        "link_moved": Explanation(
            "R29", "A merger had moved the link to the survivor: a later departure must name the survivor."
        ),
        "minor_change": Explanation("R25", "A minor portal change obliges nobody and is communicated to nobody."),
        "not_in_programme": Explanation("R28", "The partner was not in an eligible programme, so it left none."),
        "not_linked": Explanation("R23", "The person was not linked to the partner: a departure ends a link."),
        "not_obliged": Explanation(
            "R25", "No certification of the person for this product comes under the portal change."
        ),
        "nothing_to_end": Explanation("R29", "The partner was not enrolled, and nobody was linked to it."),
        "nothing_to_revoke": Explanation(
            "R37", "The person had no attempt and no recognition for the product by then."
        ),
        "overruled": Explanation("R35", "A fact of the same instant contradicts it, and the one recorded later wins."),
        "partner_closed": Explanation("R29", "The partner had closed, and did not come back while the link lasted."),
        "partner_merged_away": Explanation(
            "R29", "The partner had been merged away: who works for the survivor is linked to the survivor."
        ),
        "partner_not_enrolled": Explanation(
            "R11", "The partner is not enrolled while this lasts, so nothing follows from it."
        ),
        "policy_unchanged": Explanation("R39", "The policy had these terms before."),
        "programme_not_eligible": Explanation(
            "R11", "The programme is not eligible, and the partner was not enrolled."
        ),
        "revoked_at_once": Explanation("R37", "A revocation of the same instant prevails."),
        "same_kind": Explanation("R22", "The partner was of this kind before."),
        "score_unchanged": Explanation("R32", "The attempt had this score before."),
        "takes_effect_later": Explanation("R36", "It is dated after the instant asked about, and takes effect then."),
        "terms_unchanged": Explanation("R38", "The portal change had these terms before."),
        "voided": Explanation("R33", "It was recorded in error: another fact voids it."),
        "waits_for_assessment": Explanation("R25", "Maintenance also needs a passed assessment, and none holds yet."),
        "waits_for_pass": Explanation("R4", "A certification also needs a pass, and none holds with this course yet."),
        "waits_for_portal_change": Explanation("R35", "The portal change that it names is not recorded."),
        "waits_for_registration": Explanation("R35", "The registration that it names is not recorded."),
        "waits_for_score": Explanation("R35", "The attempt that it corrects has no score."),
    }
)

_ON_ALL_TIME: Final = (ExamRegistered, FactVoided, PortalChangeCorrected, ScoreCorrected)
"""They act from their recording, whatever instant they carry (R32, R33, R35, R38)."""


def takes_effect_later(fact: Fact, at: datetime) -> bool:
    """Whether the fact is dated after `at` and has no effect before (R36)."""
    return fact.effective_at > at and type(fact.data) in REPORTED and not isinstance(fact.data, _ON_ALL_TIME)
