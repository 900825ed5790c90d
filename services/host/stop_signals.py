"""The signals that stop a command. Apart from `run_until_signal`, so that it loads at once."""

import signal
from types import FrameType


def install_signal_handlers() -> None:
    """Lets SIGTERM and Ctrl-C unwind the command at once, so that the processes it started stop first."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
