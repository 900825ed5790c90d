"""The follower and the dispatcher, each as a process of its own beside the serving one.

    python -m services.host.follower_and_dispatcher follower|dispatcher

Settings come from the environment, as for `sagecert compliance work` and `sagecert compliance dispatch`, which run the
same code. This module imports no web framework, so that a killed process is back within half a second.
"""

import gc
import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from services.host.quick_loading import load_only_what_is_needed

if TYPE_CHECKING:
    from services.compliance.settings import ComplianceSettings


def follow(settings: "ComplianceSettings") -> None:
    """Keeps the read model up with the facts and the clock until SIGINT or SIGTERM, as `KeyboardInterrupt`."""
    from services.compliance.projection.follower import Follower
    from services.host.event_loop import run

    run(Follower(settings).run())


def dispatch(settings: "ComplianceSettings") -> None:
    """Delivers to webhook endpoints until SIGINT or SIGTERM, as `KeyboardInterrupt`. Needs webhook keys."""
    from services.compliance.webhooks.delivery.dispatcher import Dispatcher
    from services.host.event_loop import run_until_drained
    from services.host.wall_clock import wall_clock

    run_until_drained(Dispatcher(settings, wall_clock).run())


def main() -> None:
    """Runs the part that the first argument names."""
    gc.disable()  # until everything is loaded, for none of it is garbage
    load_only_what_is_needed()
    from services.compliance.settings import DispatcherSettings, FollowerSettings

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("services").setLevel(logging.INFO)
    with suppress(KeyboardInterrupt):
        if sys.argv[1] == "follower":
            follow(FollowerSettings())
        else:
            dispatch(DispatcherSettings())


if __name__ == "__main__":
    main()
