"""Name servers of strangers: what they say is scripted."""

import asyncio
import socket
from collections import deque
from collections.abc import Mapping, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult


class Names(AbstractResolver):
    """Answers with the addresses given for a name, one answer after the other, the last for ever; none: no such name.

    `hang`: the names for which no answer comes.
    """

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]], hang: frozenset[str] = frozenset()) -> None:
        self._answers = {name: deque(found) for name, found in answers.items()}
        self._hang = hang
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """What the name server says this time."""
        self.asked.append(host)
        if host in self._hang:
            await asyncio.Event().wait()
        if host not in self._answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self._answers[host]
        addresses = answers.popleft() if len(answers) > 1 else answers[0]
        found = [(address, socket.AF_INET6 if ":" in address else socket.AF_INET) for address in addresses]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=of, proto=0, flags=0)
            for address, of in found
            if family in (of, socket.AF_UNSPEC)
        ]

    async def close(self) -> None:
        """Nothing to close."""
