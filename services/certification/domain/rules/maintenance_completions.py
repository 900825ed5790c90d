"""When maintenance for a portal change is completed: training and assessment both done (R25, R32)."""

from collections.abc import Iterator, Sequence

from shared.events.envelope import Fact
from shared.events.facts import CourseCompleted, ExamRegistered, MaintenanceCompleted
from shared.rules.half_open_periods import provided, union
from shared.rules.scores import attempts_of


def completions(standing: Sequence[Fact]) -> Iterator[MaintenanceCompleted]:
    """One statement per product and portal change for which the consultant completed maintenance at some time.

    `standing` are all reported facts about one consultant, in log order, without the voided ones.
    """
    trainings: dict[tuple[str, str], Fact] = {}
    assessments: dict[tuple[str, str], list[ExamRegistered]] = {}
    for fact in standing:
        match fact.data:
            case CourseCompleted(_, product, portal_change_id=str(change)):
                known = trainings.setdefault((product, change), fact)
                if fact.effective_at < known.effective_at:
                    trainings[product, change] = fact
            case ExamRegistered(_, _, product, portal_change_id=str(change)) as registered:
                assessments.setdefault((product, change), []).append(registered)
            case _:
                pass
    attempts = attempts_of(standing) if assessments and trainings else {}
    for (product, change), registrations in assessments.items():
        training = trainings.get((product, change))
        if training is None:
            continue
        passing = union(
            period
            for registered in registrations
            for attempt in attempts.get(registered.registration_id, ())
            for period in attempt.passing()
        )
        periods = provided(passing, training.effective_at, (training.fact_id,))
        if periods:
            yield MaintenanceCompleted(registrations[0].consultant_id, product, change, periods)
