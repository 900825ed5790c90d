"""What a signal to stop does to a command. Apart from what runs a server: this loads at once."""

import signal
from types import FrameType


def install_signal_handlers() -> None:
    """Lets SIGTERM and Ctrl-C unwind the command at once, so that what it started stops first."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
