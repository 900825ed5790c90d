"""A dispatcher as a process of its own, with a short lease: `python -m tests.webhooks.dispatcher_process 3 1`.

Its settings come from the environment. The arguments are the seconds of a lease and of the deadline.
"""

import asyncio
import sys

from services.compliance.settings import DispatcherSettings
from services.compliance.webhooks.delivery.dispatcher import Dispatcher
from services.host.wall_clock import wall_clock

if __name__ == "__main__":
    lease_seconds, deadline_seconds = map(float, sys.argv[1:])
    settings = DispatcherSettings()
    dispatcher = Dispatcher(settings, wall_clock, lease_seconds=lease_seconds, deadline_seconds=deadline_seconds)
    asyncio.run(dispatcher.run())
