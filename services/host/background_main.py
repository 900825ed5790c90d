"""The follower, the dispatcher and the sealer, each as a process of its own beside the serving one.

    python -m services.host.background_main follower|dispatcher|sealer

Settings come from the environment, as for `sagecert compliance work`, `sagecert compliance dispatch` and
`sagecert audit seal`, which run the same code. This module imports no web framework, so that a killed process is back
within half a second.
"""

import gc
import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from services.host.deferred_imports import load_only_what_is_needed

if TYPE_CHECKING:
    from services.audit.settings import AuditSettings
    from services.compliance.reminders.settings import MailSettings
    from services.compliance.settings import ComplianceSettings
    from services.compliance.webhooks.delivery.dispatcher import Dispatcher


def follow(settings: "ComplianceSettings") -> None:
    """Keeps the read model up with the facts and the clock until SIGINT or SIGTERM, as `KeyboardInterrupt`."""
    from services.compliance.projection.follower import Follower
    from services.host.log_check_wiring import log_check
    from services.host.run_until_signal import run

    run(Follower(settings, log_check(settings)).run())


def dispatch(settings: "ComplianceSettings") -> None:
    """Delivers to webhook endpoints until SIGINT or SIGTERM, as `KeyboardInterrupt`. Needs webhook keys.

    With a mail server (`MailSettings`) it sends reminders beside that.
    """
    from services.compliance.reminders.settings import MailSettings
    from services.compliance.webhooks.delivery.dispatcher import Dispatcher
    from services.host.run_until_signal import run_until_drained
    from services.host.wall_clock import wall_clock

    dispatcher, mail = Dispatcher(settings, wall_clock), MailSettings()
    if mail.url is None:
        run_until_drained(dispatcher.run())
    else:
        run_until_drained(_beside_reminders(dispatcher, settings, mail))


async def _beside_reminders(dispatcher: "Dispatcher", settings: "ComplianceSettings", mail: "MailSettings") -> None:
    import asyncio

    from services.compliance.reminders.sender import ReminderSender

    await asyncio.gather(dispatcher.run(), ReminderSender(settings, mail).run())


def seal(settings: "AuditSettings") -> None:
    """Seals facts and compliance events until SIGINT or SIGTERM, as `KeyboardInterrupt`."""
    from services.audit.sealer import Sealer
    from services.host.run_until_signal import run

    run(Sealer(settings).run())


def main() -> None:
    """Runs the part that the first argument names."""
    gc.disable()  # until everything is loaded, for none of it is garbage
    load_only_what_is_needed()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("services").setLevel(logging.INFO)
    with suppress(KeyboardInterrupt):
        match sys.argv[1]:
            case "follower":
                from services.compliance.settings import FollowerSettings

                follow(FollowerSettings())
            case "dispatcher":
                from services.compliance.settings import DispatcherSettings

                dispatch(DispatcherSettings())
            case _:
                from services.audit.settings import SealerSettings

                seal(SealerSettings())


if __name__ == "__main__":
    main()
