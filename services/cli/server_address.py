"""Serving at an address until told to stop."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from services.cli.error_messages import cannot_listen, refuse_open_host
from services.host.listening_socket import listen, origin

if TYPE_CHECKING:
    from services.host.gateway import Gateway


class Address:
    """A socket that listens before anything else is started, so that a port in use is known at once."""

    def __init__(self, host: str, port: int, key: Callable[[], str | None]) -> None:
        """`key`: asked for the API key where others can reach the host. Raises `click.ClickException`."""
        refuse_open_host(host, key)
        try:
            self._listening = listen(host, port)
        except OSError as problem:
            raise cannot_listen(host, port, problem) from problem
        self.origin = origin(self._listening)

    def serve(self, composition: "Gateway", ready: Callable[[], None]) -> None:
        """Serves until told to stop. `ready` is called once calls are answered."""
        from services.host.event_loop import run

        run(self._serve(composition, ready))

    async def _serve(self, composition: "Gateway", ready: Callable[[], None]) -> None:
        from services.host import asgi_server

        async with composition.running():
            await asgi_server.serve(composition, self._listening, ready, composition.stop, sandbox=composition.sandbox)
