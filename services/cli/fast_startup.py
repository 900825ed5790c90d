"""The fast startup of each command that serves, or works in the background: it loads only what is needed."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.cli.error_messages import friendly_errors


@contextmanager
def starting() -> Iterator[None]:
    """Loads only the modules that are needed from here on. A foreseen failure ends the command with a sentence."""
    with friendly_errors():
        from services.host.deferred_imports import load_only_what_is_needed

        load_only_what_is_needed()
        yield
