"""One test of many things: a test for each of the thousands of files takes several times as long as what it checks."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Thing = TypeVar("Thing")


def for_each(things: Iterable[Thing]) -> Callable[[Callable[[Thing], None]], Callable[[], None]]:
    """The check as a test of all these things. It names every thing that fails it, and why."""
    things = list(things)

    def decorate(check: Callable[[Thing], None]) -> Callable[[], None]:
        def test() -> None:
            wrong: list[str] = []
            for thing in things:
                try:
                    check(thing)
                except AssertionError as problem:
                    wrong.append(f"{thing}: {problem}")
            assert things, "nothing is checked"
            assert not wrong, "\n".join(wrong)

        test.__doc__ = check.__doc__
        return test

    return decorate
