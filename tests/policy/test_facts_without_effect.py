"""Which facts changed nothing: laws over random histories, and each reason by a story of its own."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from msgspec.structs import asdict

from services.certification.domain import exam_registration
from services.certification.domain.consultant import subject
from services.compliance.policy.answers_from_facts import certification_answer, notified_partners, partner_segment
from services.compliance.policy.no_effect.facts_without_effect import FactWithoutEffect, facts_without_effect
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.policy_timeline import Term, policy_known
from services.compliance.policy.portal_change_terms import portal_change_in_force
from shared.events.envelope import Fact
from shared.events.facts import (
    CertificationRevoked,
    ConsultantCertified,
    ConsultantLeft,
    Decision,
    FactVoided,
    MaintenanceCompleted,
    PartnerClosed,
    PartnersMerged,
    PolicyRevised,
    RevocationOrdered,
)
from shared.rules.no_effect_reasons import EXPLANATIONS, NoEffect
from tests.oracle.histories import PRODUCTS, History, histories
from tests.oracle.rules import facts as oracle
from tests.policy.comparison import Case, standing_view
from tests.policy.fact_log import everything, recorded, stream_of
from tests.policy.test_laws import in_force_and_void

few = settings(
    phases=(Phase.generate,),
    max_examples=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)


@few
@given(histories())
def test_without_a_fact_that_changed_nothing_every_answer_is_the_same(history: History) -> None:
    case = Case(in_force_and_void(history))
    log = everything(case.groups)
    instants = case.instants[:: max(1, len(case.instants) // 6)]
    answers = {at: _answers(case, log, at) for at in instants}
    for found in facts_without_effect(log, case.instants[-1], PARAMETERS):
        without = everything(recorded(_without(case.history, {found.fact.fact_id})))
        for at in instants:
            assert _answers(case, without, at) == answers[at], f"{found.fact.fact_id} {found.reason} at {at}"


@few
@given(histories())
def test_without_all_of_them_every_answer_is_the_same(history: History) -> None:
    case = Case(in_force_and_void(history))
    log = everything(case.groups)
    for at in case.instants[:: max(1, len(case.instants) // 4)]:
        ids = {found.fact.fact_id for found in facts_without_effect(log, at, PARAMETERS)}
        without = everything(recorded(_without(case.history, ids)))
        assert _answers(case, without, at) == _answers(case, log, at)


@few
@given(histories())
def test_every_other_fact_has_a_part_in_what_is_derived(history: History) -> None:
    case = Case(in_force_and_void(history))
    log = everything(case.groups)
    listed = {found.fact.fact_id for found in facts_without_effect(log, case.instants[-1], PARAMETERS)}
    derived = _derived(case, log)
    for fact in everything(case.groups):
        if fact.causation_id is None and fact.fact_id not in listed:
            alike = {other.fact_id for other in everything(case.groups) if other != fact and _alike(fact, other)}
            without = everything(recorded(_without(case.history, {fact.fact_id, *alike})))
            assert _derived(case, without) != derived, f"{fact.fact_id} is not listed, and nothing follows from it"


def _alike(fact: Fact, other: Fact) -> bool:
    """One of the two is enough: without the first the second would do the same."""
    same = fact.data == other.data
    if isinstance(fact.data, ConsultantLeft) and isinstance(other.data, PartnerClosed | PartnersMerged):
        same = fact.data.partner_id == other.data.partner_id
    return same and fact.effective_at == other.effective_at


def _without(history: History, fact_ids: set[str]) -> History:
    """The history without these facts and their voids."""
    return [fact for fact in history if fact.fact_id not in fact_ids and getattr(fact, "voided", None) not in fact_ids]


def _answers(case: Case, log: Sequence[Fact], at: datetime) -> dict[Any, Any]:
    """What is answered at the instant. The headcount and minimum of a partner that is not enrolled decide nothing."""
    answers: dict[Any, Any] = {}
    for product in PRODUCTS:
        for partner in case.partners:
            segment = partner_segment(log, partner, product, at, PARAMETERS)
            view = standing_view(None if segment is None else segment.standing)
            if view is not None:
                view["windows"] = [window[:-1] for window in view["windows"]]  # a policy's name decides nothing
            if view is None or view["status"] == "not_enrolled":
                history = ("not_enrolled", *((view[name] for name in ("windows", "suspensions")) if view else ([], [])))
                answers[partner, product] = history
            else:
                answers[partner, product] = view
        for consultant in case.consultants:
            answer = certification_answer(log, consultant, product, at, PARAMETERS)
            answers[consultant, product] = answer.certified, answer.portal_user
    for registration in case.registrations:
        progress = exam_registration.progress(stream_of(registration, log), at)
        answers[registration] = None if progress is None else (progress.state, progress.attempts_left)
    for change in case.changes:
        answers[change] = notified_partners(log, change, at, PARAMETERS) or []
    return answers


def _derived(case: Case, log: Sequence[Fact]) -> list[Any]:
    """All that is derived from the log, with the facts that it names."""
    voided = {fact.data.fact_id for fact in log if isinstance(fact.data, FactVoided)}
    standing = [fact for fact in log if fact.fact_id not in voided]
    people = PartnerFacts("", PARAMETERS)
    for fact in log:
        people.add(fact)
    decisions: dict[Any, Decision] = {}
    for fact in log:
        if isinstance(fact.data, ConsultantCertified | CertificationRevoked | MaintenanceCompleted):
            decisions[fact.data.consultant_id, subject(fact.data)] = fact.data
    timelines = {}
    for partner in case.partners:
        partner_facts = PartnerFacts(partner, PARAMETERS)
        for fact in log:
            partner_facts.add(fact)
        partner_facts.refresh_partner()
        timelines[partner] = [
            (enrolment.start, enrolment.kind_facts, enrolment.programme_facts)
            for enrolment in partner_facts.timeline.enrolments
        ]
    policy = policy_known(log, PARAMETERS)
    terms: tuple[Term[Any], ...] = (
        policy.window_days,
        policy.reminder_days,
        policy.programmes,
        *policy.minimum.values(),
    )
    revised = [fact.effective_at for fact in log if isinstance(fact.data, PolicyRevised)]
    return [
        voided,
        {(number, term.at(instant)) for number, term in enumerate(terms) for instant in revised},
        [
            (consultant, [] if change is None else [_placed(outcome, log) for outcome in change.after])
            for consultant, _, change in people.refresh_links()
        ],
        sorted(decisions.items()),
        timelines,
        [
            exam_registration.progress(stream_of(registration, log), case.instants[-1])
            and [(fact.fact_id, fact.data) for fact in stream_of(registration, standing)]
            for registration in case.registrations
        ],
        [change for change in _changes(case, log) if change["significant"]],
        {f.fact_id for f in standing if isinstance(f.data, RevocationOrdered)},
    ]


def _changes(case: Case, log: Sequence[Fact]) -> list[dict[str, Any]]:
    """The portal changes with the terms in force, and the facts that made them so."""
    in_force = [portal_change_in_force(log, change) for change in case.changes]
    return [asdict(change) | {"position": None} for change in in_force if change is not None]


def _placed(outcome: Any, log: Sequence[Fact]) -> Any:
    """Links by the ids of the facts that made them: positions differ between two logs."""
    ids = {fact.position: fact.fact_id for fact in log}
    instant, what = outcome
    links = {partner: link and (link.linked_at, ids[link.position]) for partner, link in what.links.items()}
    return instant, links, what.employment, what.several


def _reasons(found: Sequence[FactWithoutEffect]) -> dict[str, str]:
    return {item.fact.fact_id: item.reason for item in found}


T = [datetime(2022, 1, 4, 9, tzinfo=UTC) + number * timedelta(days=1) for number in range(60)]


def _told(*facts: oracle.Fact) -> dict[str, str]:
    """The reasons of the facts of a story, told in the order of recording, as of its last instant."""
    in_order = [replace(fact, fact_id=fact.fact_id or str(place)) for place, fact in enumerate(facts)]
    log = everything(recorded(in_order))
    assert len({fact.causation_id or fact.fact_id for fact in log}) == len(facts), "each is recorded"
    return _reasons(facts_without_effect(log, max(fact.recorded_at for fact in facts), PARAMETERS))


def _at(
    kind: Callable[..., oracle.Fact], at: datetime, *what: Any, called: str = "", known: datetime | None = None
) -> oracle.Fact:
    return kind(called, at, at if known is None else known, *what)


ENROLLED = _at(oracle.PartnerEnrolled, T[0], "P1", "VAR", "PARTNER_SUCCESS")
LINKED = _at(oracle.ConsultantLinked, T[1], "P1", "C1")
CERTIFIED = _at(oracle.CertificationRecognised, T[1], "C1", "S200P")
REGISTERED = _at(oracle.ExamRegistered, T[1], "R1", "C1", "S200P")
COURSE = _at(oracle.CourseCompleted, T[1], "C1", "S200P")
CHANGED = _at(oracle.PortalChangeDeclared, T[5], "CH1", ("S200P",), True, T[40].date())
TRAINED = ("C1", "S200P", "CH1")


def _this(kind: Callable[..., oracle.Fact], at: datetime, *what: Any, known: datetime | None = None) -> oracle.Fact:
    """The fact that a story is about."""
    return _at(kind, at, *what, called="this", known=known)


STORIES: dict[NoEffect, list[oracle.Fact]] = {
    "already_certified": [CERTIFIED, _this(oracle.CertificationRecognised, T[2], "C1", "S200P")],
    "already_enrolled": [ENROLLED, _this(oracle.PartnerProgrammeChanged, T[2], "P1", "PARTNER_SUCCESS_PLUS")],
    "already_left": [
        *(ENROLLED, LINKED, _at(oracle.ConsultantLeft, T[2], "P1", "C1")),
        _this(oracle.ConsultantLeft, T[3], "P1", "C1"),
    ],
    "already_linked": [ENROLLED, LINKED, _this(oracle.ConsultantLinked, T[2], "P1", "C1")],
    "already_passed": [
        *(COURSE, REGISTERED, _at(oracle.AttemptScored, T[2], "R1", 1, "80.00")),
        _this(oracle.AttemptScored, T[3], "R1", 2, "91"),
    ],
    "already_revoked": [
        *(CERTIFIED, _at(oracle.RevocationOrdered, T[2], "C1", "S200P")),
        _this(oracle.RevocationOrdered, T[3], "C1", "S200P"),
    ],
    "corrected_later": [
        *(CHANGED, _this(oracle.PortalChangeCorrected, T[6], "CH1", T[41].date())),
        _at(oracle.PortalChangeCorrected, T[7], "CH1", T[42].date()),
    ],
    "course_already_completed": [COURSE, _this(oracle.CourseCompleted, T[2], "C1", "S200P")],
    "departure_before_link": [
        *(ENROLLED, replace(LINKED, effective_at=T[2], recorded_at=T[2])),
        _this(oracle.ConsultantLeft, T[2], "P1", "C1"),
    ],
    "kind_unknown": [_this(oracle.PartnerProgrammeChanged, T[0], "P1", "PARTNER_SUCCESS")],
    "link_ended": [
        *(ENROLLED, LINKED, _at(oracle.PartnerClosed, T[2], "P1")),
        _this(oracle.ConsultantLeft, T[3], "P1", "C1"),
    ],
    "link_moved": [
        *(ENROLLED, LINKED, _at(oracle.PartnersMerged, T[2], "P1", "P2")),
        _this(oracle.ConsultantLeft, T[3], "P1", "C1"),
    ],
    "due_before_announcement": [
        _this(oracle.PortalChangeCorrected, T[2], "CH1", T[4].date(), None, False),
        CHANGED,
    ],
    "terms_unchanged": [CHANGED, _this(oracle.PortalChangeCorrected, T[6], "CH1", T[40].date(), None, True)],
    "minor_change": [_this(oracle.PortalChangeDeclared, T[5], "CH1", ("S200P",), False, T[40].date())],
    "not_in_programme": [_this(oracle.PartnerProgrammeChanged, T[0], "P1", "NONE")],
    "not_linked": [ENROLLED, _this(oracle.ConsultantLeft, T[2], "P1", "C1")],
    "not_obliged": [
        *(CHANGED, _at(oracle.CertificationRecognised, T[6], "C1", "S200P")),
        _this(oracle.CourseCompleted, T[7], *TRAINED),
    ],
    "nothing_to_end": [_this(oracle.PartnerClosed, T[2], "P1")],
    "nothing_to_revoke": [_this(oracle.RevocationOrdered, T[2], "C1", "S200P")],
    "overruled": [
        *(ENROLLED, _this(oracle.PartnerKindChanged, T[2], "P1", "DEVELOPER")),
        _at(oracle.PartnerKindChanged, T[2], "P1", "VAR"),
    ],
    "partner_closed": [
        *(ENROLLED, _at(oracle.PartnerClosed, T[2], "P1")),
        _this(oracle.ConsultantLinked, T[3], "P1", "C1"),
    ],
    "partner_merged_away": [
        *(ENROLLED, _at(oracle.PartnersMerged, T[2], "P1", "P2")),
        _this(oracle.ConsultantLinked, T[3], "P1", "C1"),
    ],
    "partner_not_enrolled": [_this(oracle.ConsultantLinked, T[3], "P1", "C1")],
    "policy_unchanged": [_this(oracle.PolicyRevised, T[2], "2022-02", 30, {"VAR": 2})],
    "programme_not_eligible": [_this(oracle.PartnerEnrolled, T[0], "P1", "VAR", "RESELLER")],
    "revoked_at_once": [
        _at(oracle.RevocationOrdered, T[2], "C1", "S200P"),
        _this(oracle.CertificationRecognised, T[2], "C1", "S200P"),
    ],
    "same_kind": [ENROLLED, _this(oracle.PartnerKindChanged, T[2], "P1", "VAR")],
    "score_unchanged": [
        *(REGISTERED, _at(oracle.AttemptScored, T[2], "R1", 1, "79.9")),
        _this(oracle.ScoreCorrected, T[3], "R1", 1, "79.90"),
    ],
    "takes_effect_later": [ENROLLED, LINKED, _this(oracle.ConsultantLeft, T[9], "P1", "C1", known=T[2])],
    "voided": [_this(oracle.CertificationRecognised, T[1], "C1", "S200P"), _at(oracle.FactVoided, T[2], "this")],
    "waits_for_assessment": [CERTIFIED, CHANGED, _this(oracle.CourseCompleted, T[7], *TRAINED)],
    "waits_for_pass": [_this(oracle.CourseCompleted, T[1], "C1", "S200P")],
    "waits_for_portal_change": [CERTIFIED, _this(oracle.CourseCompleted, T[7], *TRAINED)],
    "waits_for_registration": [_this(oracle.AttemptScored, T[2], "R1", 1, "80")],
    "waits_for_score": [REGISTERED, _this(oracle.ScoreCorrected, T[3], "R1", 1, "80")],
}


@pytest.mark.parametrize("reason", sorted(EXPLANATIONS))
def test_each_reason_has_a_story(reason: NoEffect) -> None:
    assert _told(*STORIES[reason])["this"] == reason


@pytest.mark.parametrize(
    "story",
    [
        pytest.param(
            [replace(LINKED, fact_id="this"), replace(ENROLLED, effective_at=T[9], recorded_at=T[9])],
            id="enrolled later",
        ),
        pytest.param(
            [
                *(ENROLLED, _at(oracle.PartnerClosed, T[2], "P1"), _this(oracle.ConsultantLinked, T[3], "P1", "C1")),
                _at(oracle.PartnerEnrolled, T[4], "P1", "VAR", "PARTNER_SUCCESS"),
            ],
            id="a link to a closed partner that comes back",
        ),
        pytest.param(
            [
                *(ENROLLED, _at(oracle.PartnerClosed, T[2], "P2"), _this(oracle.ConsultantLinked, T[3], "P2", "C1")),
                _at(oracle.ConsultantLinked, T[4], "P1", "C1"),
            ],
            id="a link to a closed partner that keeps somebody from counting elsewhere (R23)",
        ),
        pytest.param(
            [
                *(ENROLLED, _at(oracle.PartnerKindChanged, T[2], "P1", "DEVELOPER")),
                _this(oracle.PartnerKindChanged, T[2], "P1", "VAR"),
            ],
            id="it overrules another of its instant (R35)",
        ),
        pytest.param(
            [_this(oracle.AttemptScored, T[2], "R1", 1, "12"), REGISTERED], id="a failed attempt uses up one of two"
        ),
        pytest.param(
            [
                _this(oracle.PartnerEnrolled, T[0], "P1", "VAR", "RESELLER"),
                _at(oracle.PartnerProgrammeChanged, T[1], "P1", "PARTNER_SUCCESS"),
            ],
            id="the kind counts once the programme is eligible",
        ),
    ],
)
def test_these_changed_something(story: list[oracle.Fact]) -> None:
    assert "this" not in _told(*sorted(story, key=lambda fact: fact.recorded_at))


def test_the_auditor_guide_explains_each_reason() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "auditor-guide.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([a-z_]+)` \| (R[0-9]+) \|", guide, re.MULTILINE))
    assert listed == {reason: explanation.rule for reason, explanation in EXPLANATIONS.items()}
