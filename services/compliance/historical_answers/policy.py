"""The policy in force at an instant, and by which revision each of its terms holds (R39)."""

from datetime import datetime

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, moment_of
from services.compliance.historical_answers.queries import PolicyQuestion
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.policy_timeline import Setting, policy_known
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


class PolicyAnswer(Answer, frozen=True, kw_only=True):
    """The terms in force at `at`. `policy_id`: the last revision in force, whatever it changes.

    `window_days`: London days to replace a missing consultant (R15). `minimum`: R10. `programmes`: R11. `products`:
    those that are sold (R2). `in_force_from`, `fact_id`: of that revision; null before the first.
    `next_change_at`: when the next revision comes into force, if no fact comes.
    """

    window_days: int
    minimum: dict[Kind, int]
    programmes: tuple[str, ...]
    reminder_days: tuple[int, ...]
    products: tuple[str, ...]
    in_force_from: datetime | None
    fact_id: str | None
    set_by: TermsSetBy
    next_change_at: datetime | None


async def policy(connection: Connection, question: PolicyQuestion, parameters: Parameters) -> bytes:
    """The policy in force, as known at the moment."""
    _, moment = await moment_of(connection, question.moment, parameters)
    known = policy_known(await revisions(connection, moment.position), parameters)
    at = moment.at
    window_days, reminder_days = known.window_days.at(at), known.reminder_days.at(at)
    minimum = {kind: term.at(at) for kind, term in known.minimum.items()}
    programmes, in_force = known.programmes.at(at), known.in_force.at(at)
    answer = PolicyAnswer(
        **moment.members,
        window_days=window_days.value,
        minimum={kind: setting.value for kind, setting in minimum.items()},
        programmes=programmes.value,
        reminder_days=reminder_days.value,
        products=parameters.products,
        in_force_from=in_force.since,
        fact_id=in_force.fact_id,
        set_by=TermsSetBy(
            window_days=_set_by(window_days),
            minimum={kind: _set_by(setting) for kind, setting in minimum.items()},
            programmes=_set_by(programmes),
            reminder_days=_set_by(reminder_days),
        ),
        next_change_at=moment.next_change(),
    )
    return msgspec.json.encode(answer)


def _set_by(setting: Setting[int] | Setting[tuple[int, ...]] | Setting[tuple[str, ...]]) -> SetBy:
    return SetBy(setting.policy_id, setting.since, setting.fact_id)
