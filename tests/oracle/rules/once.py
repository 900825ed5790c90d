"""What is asked of the same facts again and again is worked out once. It changes no answer, only how long they take."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from tests.oracle.rules.facts import Fact

P = ParamSpec("P")
R = TypeVar("R")


class Facts(tuple[Fact, ...]):
    """Facts that nobody changes, and what was worked out from them."""

    worked_out: dict[object, object]

    def __new__(cls, facts: Sequence[Fact]) -> "Facts":
        made = super().__new__(cls, facts)
        made.worked_out = {}
        return made


def once(rule: Callable[Concatenate[Sequence[Fact], P], R]) -> Callable[Concatenate[Sequence[Fact], P], R]:
    """The rule, which is worked out once for the same `Facts` and the same question."""

    @wraps(rule)
    def remembering(facts: Sequence[Fact], /, *question: P.args, **more: P.kwargs) -> R:
        if not isinstance(facts, Facts):
            return rule(facts, *question, **more)
        key = (rule, question, *more.items())
        if key not in facts.worked_out:
            facts.worked_out[key] = rule(facts, *question, **more)
        return facts.worked_out[key]  # type: ignore[return-value]  # what this rule gave

    return remembering
