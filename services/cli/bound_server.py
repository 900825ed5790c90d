"""An address: binds it first, and serves on it until a signal."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from services.cli.error_messages import cannot_listen
from services.host.listening_socket import is_loopback, listen, origin

if TYPE_CHECKING:
    from services.host.gateway import Gateway


class BoundAddress:
    """A socket that is bound before anything else starts, so that a port in use shows at once.

    `loopback`: other machines cannot reach it.
    """

    def __init__(self, host: str, port: int) -> None:
        """Raises `click.ClickException`."""
        self.loopback = is_loopback(host)
        try:
            self._listening = listen(host, port)
        except OSError as problem:
            raise cannot_listen(host, port, problem) from problem
        self.origin = origin(self._listening)

    def serve(self, gateway: "Gateway", ready: Callable[[], None]) -> None:
        """Serves until a signal. `ready` is called once calls are answered."""
        from services.host.run_until_signal import run

        run(self._serve(gateway, ready))

    async def _serve(self, gateway: "Gateway", ready: Callable[[], None]) -> None:
        from services.host import asgi_server

        async with gateway.running():
            await asgi_server.serve(gateway, self._listening, ready, gateway.stop, sandbox=gateway.sandbox)
