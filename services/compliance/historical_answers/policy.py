"""The policy in force at an instant, and by which revision each of its terms holds (R39)."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, moment_of
from services.compliance.historical_answers.questions import PolicyQuestion
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.policy_timeline import PolicyTimeline, Setting, policy_known
from services.compliance.read_model.routing import revisions
from shared.events.facts import Kind


class SetBy(msgspec.Struct, frozen=True):
    """The policy that set a term, from when on, and the fact; both null before the first revision of the term."""

    policy_id: str
    in_force_from: datetime | None
    fact_id: str | None


class TermsSetBy(msgspec.Struct, frozen=True):
    """What set each term."""

    window_days: SetBy
    minimum: dict[Kind, SetBy]
    programmes: SetBy
    reminder_days: SetBy


class ComingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that comes into force if no fact comes; its members are those of a `PolicyAnswer`."""

    policy_id: str
    window_days: int
    minimum: dict[Kind, int]
    programmes: tuple[str, ...]
    reminder_days: tuple[int, ...]
    in_force_from: datetime | None
    fact_id: str | None
    set_by: TermsSetBy


class PolicyAnswer(Answer, frozen=True, kw_only=True):
    """The terms in force at `at`. `policy_id`: the last revision in force, whatever it changes.

    `window_days`: London days to replace a missing consultant (R15). `minimum`: R10. `programmes`: R11. `products`:
    those that are sold (R2). `in_force_from`, `fact_id`: of that revision; null before the first. `coming`: as many of
    the policies that follow as were asked for, in turn. `next_change_at`: when the first of them comes into force.
    """

    window_days: int
    minimum: dict[Kind, int]
    programmes: tuple[str, ...]
    reminder_days: tuple[int, ...]
    products: tuple[str, ...]
    in_force_from: datetime | None
    fact_id: str | None
    set_by: TermsSetBy
    coming: tuple[ComingPolicy, ...]
    next_change_at: datetime | None


async def policy(connection: Connection, question: PolicyQuestion, parameters: Parameters) -> bytes:
    """The policy in force, as known at the moment, and those that follow."""
    _, moment = await moment_of(connection, question.moment, parameters)
    known = policy_known(await revisions(connection, moment.position), parameters)
    in_force = _in_force(known, moment.at)
    answer = PolicyAnswer(
        **moment.members,
        window_days=in_force.window_days,
        minimum=in_force.minimum,
        programmes=in_force.programmes,
        reminder_days=in_force.reminder_days,
        products=parameters.products,
        in_force_from=in_force.in_force_from,
        fact_id=in_force.fact_id,
        set_by=in_force.set_by,
        coming=tuple(islice(_coming(known, moment.at), question.coming)),
        next_change_at=moment.next_change(),
    )
    return msgspec.json.encode(answer)


def _coming(known: PolicyTimeline, at: datetime) -> Iterator[ComingPolicy]:
    """The policies after the instant, in turn."""
    starts_at = known.in_force.next_start(at)
    while starts_at is not None:
        yield _in_force(known, starts_at)
        starts_at = known.in_force.next_start(starts_at)


def _in_force(known: PolicyTimeline, at: datetime) -> ComingPolicy:
    """The policy at the instant."""
    window_days, reminder_days = known.window_days.at(at), known.reminder_days.at(at)
    minimum = {kind: term.at(at) for kind, term in known.minimum.items()}
    programmes, in_force = known.programmes.at(at), known.in_force.at(at)
    return ComingPolicy(
        policy_id=in_force.policy_id,
        window_days=window_days.value,
        minimum={kind: setting.value for kind, setting in minimum.items()},
        programmes=programmes.value,
        reminder_days=reminder_days.value,
        in_force_from=in_force.since,
        fact_id=in_force.fact_id,
        set_by=TermsSetBy(
            window_days=_set_by(window_days),
            minimum={kind: _set_by(setting) for kind, setting in minimum.items()},
            programmes=_set_by(programmes),
            reminder_days=_set_by(reminder_days),
        ),
    )


def _set_by(setting: Setting[int] | Setting[tuple[int, ...]] | Setting[tuple[str, ...]]) -> SetBy:
    return SetBy(setting.policy_id, setting.since, setting.fact_id)
