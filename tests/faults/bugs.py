"""Bugs of the kind that a campaign is there to find, planted in a copy of the system: each must make it fail."""

from typing import Final, NamedTuple


class Bug(NamedTuple):
    """An edit of the one place of a file where `old` stands. It shows after so many faults of these kinds."""

    name: str
    path: str
    old: str
    new: str
    shows_after: tuple[str, ...]
    faults: int


BUGS: Final = (
    Bug(
        "a message is told as delivered whatever the receiver answers",
        "services/compliance/webhooks/delivery/endpoint_delivery.py",
        "        if outcome.delivered:\n            return",
        "        if outcome is not None:\n            return",
        ("receivers refuse",),
        2,
    ),
    Bug(
        "an append is answered before it is on the disk",
        "services/certification/event_store/append_connection.py",
        "                self._append = await",
        '                await self._connection.execute("SET synchronous_commit = off")\n'
        "                self._append = await",
        ("kill postgres",),
        6,
    ),
    Bug(
        "a follower goes on one fact too far",
        "services/compliance/projection/batch.py",
        "        position = plan.last.append_position\n",
        "        position = plan.last.append_position + 1\n",
        ("kill follower",),
        2,
    ),
)
