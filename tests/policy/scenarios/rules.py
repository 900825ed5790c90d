"""Which scenario tests which rule."""

from collections.abc import Callable
from typing import Final, TypeVar

RULES: Final = tuple(f"R{number}" for number in range(1, 40))
"""Every rule of the certification requirements, by its id."""

Scenario = TypeVar("Scenario", bound=Callable[..., None])

CITED: Final[dict[str, list[str]]] = {name: [] for name in RULES}
"""Rule to the names of the scenarios that test it."""

THROUGH_HTTP: Final[list[Callable[..., None]]] = []
"""Scenarios that the running system goes through as well."""


def rule(*names: str, through_http: bool = False) -> Callable[[Scenario], Scenario]:
    """Says which rules a scenario tests, and whether the running system is put to it, too."""

    def cite(scenario: Scenario) -> Scenario:
        for name in names:
            CITED[name].append(scenario.__name__)
        if through_http:
            THROUGH_HTTP.append(scenario)
        return scenario

    return cite
