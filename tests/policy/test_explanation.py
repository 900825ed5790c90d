"""Explanations: the exact arithmetic of deadlines, and that they agree with the answers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from services.compliance.policy.answers_from_facts import partner_grounds, partner_segment
from services.compliance.policy.explanation import Explanation, explanation
from services.compliance.policy.parameters import PARAMETERS
from shared.events.envelope import Fact
from tests.oracle.histories import PRODUCTS, History, histories
from tests.oracle.rules import facts as oracle
from tests.policy.comparison import Case
from tests.policy.fact_log import everything, recorded

BEGIN = datetime(2024, 1, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def explained(log: Sequence[Fact], at: datetime, partner: str = "P1", product: str = "S200P") -> Explanation | None:
    found = partner_grounds(log, partner, product, at, PARAMETERS)
    if found is None:
        return None
    return explanation(found[0], partner, PARAMETERS.programmes, {fact.fact_id: fact for fact in log})


def log_of(*facts: oracle.Fact) -> list[Fact]:
    """A VAR with two certified people since the beginning, and what then happens to it."""
    base: History = [oracle.PartnerEnrolled("enrolled", BEGIN, BEGIN, "P1", "VAR", "PARTNER_SUCCESS")]
    for consultant in ("C1", "C2"):
        base.append(oracle.ConsultantLinked(f"linked-{consultant}", BEGIN, BEGIN, "P1", consultant))
        base.append(oracle.CertificationRecognised(f"recognised-{consultant}", BEGIN, BEGIN, consultant, "S200P"))
    return everything(recorded([*base, *facts]))


@pytest.mark.parametrize(
    ("left_at", "day_of_loss", "last_day", "deadline"),
    [
        pytest.param("2026-02-01T09:00:00Z", "1 February 2026", "3 March 2026", "2026-03-04T00:00:00Z", id="UTC"),
        pytest.param("2024-02-01T09:00:00Z", "1 February 2024", "2 March 2024", "2024-03-03T00:00:00Z", id="leap day"),
        pytest.param("2026-03-01T09:00:00Z", "1 March 2026", "31 March 2026", "2026-03-31T23:00:00Z", id="to summer"),
        pytest.param(
            "2026-10-01T09:00:00Z", "1 October 2026", "31 October 2026", "2026-11-01T00:00:00Z", id="to winter"
        ),
        pytest.param("2026-06-30T23:30:00Z", "1 July 2026", "31 July 2026", "2026-07-31T23:00:00Z", id="London's day"),
    ],
)
def test_the_arithmetic_of_a_deadline(left_at: str, day_of_loss: str, last_day: str, deadline: str) -> None:
    """R15: the 30th London day after that of the loss, and the London midnight that ends it."""
    instant = datetime.fromisoformat(left_at)
    log = log_of(oracle.ConsultantLeft("left", instant, instant, "P1", "C2"))
    found = explained(log, instant + timedelta(days=2))
    assert found is not None
    (window,) = found.windows
    assert window.text == (
        f"C2 left the partner and does not count from {day_of_loss} ({left_at}) on. The London day of the loss is "
        f"{day_of_loss}; the 30th London day after it is {last_day}; the deadline is the midnight that ends that day "
        f"in London, {deadline}. It is day 2 of 30."
    )
    assert (window.lost, window.fact_ids) == (("C2",), ("left",))
    (remedy,) = found.remedies
    assert (remedy.rule, remedy.before) == ("R18", datetime.fromisoformat(deadline))
    assert [step.rule for step in found.steps] == ["R10", "R11", "R9", "R10", "R12", "R15", "R13"]


def test_a_suspension_says_which_deadline_passed_and_what_ends_it() -> None:
    left_at = datetime(2026, 2, 1, 9, tzinfo=UTC)
    log = log_of(oracle.ConsultantLeft("left", left_at, left_at, "P1", "C2"))
    found = explained(log, datetime(2026, 3, 4, tzinfo=UTC))
    assert found is not None
    assert found.windows[0].text.endswith("2026-03-04T00:00:00Z. It has passed.")
    suspended = next(step for step in found.steps if step.rule == "R19")
    assert "4 March 2026 (2026-03-04T00:00:00Z)" in suspended.text
    assert found.steps[-1].text.startswith("Suspended:")
    assert [(remedy.rule, remedy.people) for remedy in found.remedies] == [("R18", 1), ("R21", 1)]


@pytest.mark.parametrize(
    ("fact", "rule", "words"),
    [
        (oracle.RevocationOrdered, "R37", "had the certification for S200P revoked"),
        (oracle.ConsultantLeft, "R30", "left the partner"),
    ],
)
def test_who_was_lost_and_why(fact: type, rule: str, words: str) -> None:
    lost_at = datetime(2026, 2, 1, 9, tzinfo=UTC)
    about = ("C2", "S200P") if fact is oracle.RevocationOrdered else ("P1", "C2")
    found = explained(log_of(fact("cause", lost_at, lost_at, *about)), lost_at)
    assert found is not None
    (lost,) = found.lost
    assert (lost.consultant_id, lost.until, lost.rule, lost.fact_ids) == ("C2", lost_at, rule, ("cause",))
    assert words in lost.text
    assert found.linked_only == (("C2",) if fact is oracle.RevocationOrdered else ())


def test_a_lapse_is_explained_by_the_portal_change() -> None:
    announced_at = datetime(2026, 2, 1, 9, tzinfo=UTC)
    log = log_of(
        oracle.PortalChangeDeclared(
            "declared", announced_at, announced_at, "CH1", ("S200P",), True, (announced_at + timedelta(days=60)).date()
        )
    )
    found = explained(log, announced_at + timedelta(days=62))
    assert found is not None
    assert [(lost.consultant_id, lost.rule) for lost in found.lost] == [("C2", "R26"), ("C1", "R26")]
    assert sorted(found.windows[0].lost) == ["C1", "C2"]
    assert ".;" not in found.windows[0].text


@pytest.mark.parametrize(
    ("facts", "rules"),
    [
        ([oracle.PartnerProgrammeChanged("out", BEGIN, BEGIN, "P1", "NONE")], ["R11"]),
        ([oracle.ConsultantLeft("left", BEGIN, BEGIN, "P1", "C9")], []),
        ([oracle.RevocationOrdered("revoked", BEGIN, BEGIN, "C2", "S200P")], ["R12"]),
    ],
)
def test_what_would_mend_it(facts: list[oracle.Fact], rules: list[str]) -> None:
    found = explained(log_of(*facts), BEGIN)
    assert found is not None
    assert [remedy.rule for remedy in found.remedies] == rules


@settings(
    phases=(Phase.generate,),
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(histories())
def test_an_explanation_agrees_with_the_answer(history: History) -> None:
    """Status, deadlines, who counts and how many are missing, at any instant."""
    case = Case(history)
    log = everything(case.groups)
    for at in case.instants[:: max(1, len(case.instants) // 8)]:
        for partner in case.partners:
            for product in PRODUCTS:
                segment = partner_segment(log, partner, product, at, PARAMETERS)
                found = explained(log, at, partner, product)
                assert (segment is None) == (found is None)
                if segment is None or found is None:
                    continue
                standing = segment.standing
                assert tuple(person.consultant_id for person in found.counted) == standing.counted
                assert all(person.since <= at for person in found.counted)
                unfilled = [window for window in standing.windows if window.closed_at is None]
                wanted = [
                    (window.opened_at, window.deadline_on, window.deadline_at, window.outcome) for window in unfilled
                ]
                said = [
                    (window.opened_at, window.deadline_on, window.deadline_at, window.outcome)
                    for window in found.windows
                ]
                assert said == wanted
                if standing.status in ("in_window", "suspended"):
                    assert sum(remedy.people for remedy in found.remedies if remedy.rule == "R18") == standing.shortfall
                assert not {person.consultant_id for person in found.lost} & set(standing.counted)
                assert (
                    found.steps[-1].text.replace(" a ", " ").lower().startswith(standing.status.replace("_", " ")[:8])
                )


def test_a_revision_is_named_where_its_numbers_are() -> None:
    """R39: several terms at once, of which each is named where it counts; nobody left, the minimum rose (R14)."""
    revised = BEGIN + timedelta(days=10)
    log = log_of(oracle.PolicyRevised("revised", revised, BEGIN + timedelta(days=5), "P2024", 45, {"VAR": 3}))
    found = explained(log, revised + timedelta(days=1))
    assert found is not None
    (window,) = found.windows
    assert window.text.startswith("The policy P2024 raised the minimum above the headcount on 12 January 2024 ")
    assert "the 45th London day after it (policy P2024) is 26 February 2024" in window.text
    assert (window.window_days, window.lost, window.fact_ids) == (45, (), ("enrolled", "revised"))
    minimum = next(step for step in found.steps if step.rule == "R10")
    assert minimum.text == "The partner is a VAR, so it must keep at least 3 (policy P2024)."
    assert minimum.fact_ids == ("enrolled", "revised")


def test_another_kind_is_the_cause_of_a_window() -> None:
    """R22."""
    log = log_of(
        oracle.PartnerKindChanged("developer", BEGIN + DAY, BEGIN + DAY, "P1", "DEVELOPER"),
        oracle.ConsultantLeft("left", BEGIN + 2 * DAY, BEGIN + 2 * DAY, "P1", "C2"),
        oracle.PartnerKindChanged("var", BEGIN + 3 * DAY, BEGIN + 3 * DAY, "P1", "VAR"),
    )
    found = explained(log, BEGIN + 4 * DAY)
    assert found is not None
    (window,) = found.windows
    assert window.text.startswith(
        "The partner became of another kind, with a minimum above the headcount, on 5 January"
    )
    assert window.fact_ids == ("var",)


def test_a_programme_that_is_not_eligible_any_more_names_the_revision() -> None:
    revised = BEGIN + DAY
    log = log_of(oracle.PolicyRevised("revised", revised, revised, "P2024", programmes=("PARTNER_SUCCESS_PLUS",)))
    found = partner_grounds(log, "P1", "S200P", revised, PARAMETERS)
    assert found is not None
    step = explanation(found[0], "P1", ("PARTNER_SUCCESS_PLUS",), {fact.fact_id: fact for fact in log}).steps[1]
    assert (
        step.text
        == "Its programme PARTNER_SUCCESS is none of PARTNER_SUCCESS_PLUS (policy P2024), so it is not enrolled."
    )
    assert step.fact_ids == ("enrolled", "revised")
