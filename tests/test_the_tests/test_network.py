"""No packet of a test leaves the machine."""

import errno
import socket

import pytest

from tests.network import is_separate, separate


def test_there_is_nothing_but_loopback() -> None:
    if (problem := separate()) is not None:
        pytest.skip(f"this run is not cut off from the network: {problem}")
    assert is_separate()
    with socket.socket() as anywhere, pytest.raises(OSError, match="unreachable") as refused:
        anywhere.connect(("192.0.2.1", 443))
    assert refused.value.errno == errno.ENETUNREACH
    with socket.create_server(("127.0.0.1", 0)) as here, socket.create_connection(here.getsockname()):
        pass
