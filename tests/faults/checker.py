"""Whether what callers, readers and receivers were given fits together. Imports nothing of the system.

It compares answers with answers: those to the calls that recorded facts, the feeds that readers followed through every
fault, the feeds as they are in the end, and the messages that receivers of webhooks were sent.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any, Final

from tests.faults.receiver import Delivered
from tests.faults.traffic import Command, Recorded, Seen

MESSAGE_ONLY: Final = ("epoch", "sequence", "replay", "parked", "parkedearlier")
"""What a message says beyond the event of the feed."""

Event = Mapping[str, Any]


def facts_lost_or_doubled(
    recorded: Sequence[Recorded], unanswered: Mapping[str, Command], facts: Sequence[Event]
) -> Iterator[str]:
    """Every answered fact is in the log at its place, once, and nothing is there that nobody reported."""
    by_id = {fact["id"]: fact for fact in facts}
    answered = set[str]()
    for call in recorded:
        answer = json.loads(call.answer)
        fact = by_id.get(answer["fact_id"])
        if fact is None:
            yield f"lost: {call.key} was answered {answer}, and the log has no such fact"
        elif (fact["position"], fact["recordedtime"]) != (answer["position"], answer["recorded_at"]) and (
            fact["position"] > answer["position"]
        ):
            yield f"moved: {call.key} was answered {answer}, and the log has {fact}"
        elif not says(fact, call.command.body):
            yield f"changed: {call.command} is in the log as {fact['data']}"
        if answer["fact_id"] in answered:
            yield f"one fact for two calls: {answer['fact_id']}, also for {call.key}"
        answered.add(answer["fact_id"])
    reported = [fact for fact in facts if "causationid" not in fact and ".engine-installed." not in fact["type"]]
    for content, times in Counter(map(content_of, reported)).items():
        if times > 1:
            yield f"doubled: {content} is in the log {times} times"
    extra = len(reported) - len(recorded) - len(unanswered)
    if extra > 0:
        yield f"{extra} facts in the log were reported by nobody"


def content_of(fact: Event) -> str:
    """What no two commands have in common: what was reported, and the instant that was named with it."""
    named = fact["time"] if fact["time"] != fact["recordedtime"] else None
    return json.dumps([fact["type"], fact["data"], named], sort_keys=True)


def says(fact: Event, body: Mapping[str, Any]) -> bool:
    """Whether the fact is what was reported; its instant, where one was."""
    reported = dict(body)
    effective_at = reported.pop("effective_at", None)
    if effective_at is not None and datetime.fromisoformat(effective_at) != datetime.fromisoformat(fact["time"]):
        return False
    return bool(reported.items() <= fact["data"].items())


def log_out_of_order(feed: str, events: Sequence[Event]) -> Iterator[str]:
    """Positions count from 1 without gaps, ids are never used twice, and recorded instants never go backwards."""
    for number, event in enumerate(events, 1):
        if event["position"] != number:
            yield f"{feed}: position {event['position']} is at place {number}"
            return
    for one, other in pairwise(events):
        if other["recordedtime"] < one["recordedtime"]:
            yield f"{feed}: position {other['position']} was recorded before the one before it"
    if doubled := [name for name, times in Counter(event["id"] for event in events).items() if times > 1]:
        yield f"{feed}: ids that stand twice: {doubled[:5]}"


def reader_misled(seen: Seen, events: Sequence[Event]) -> Iterator[str]:
    """A reader that went on after each fault was given the whole log in order, each event once."""
    expected = [(event["position"], event["id"]) for event in events]
    if seen.events != expected:
        place = next(
            (n for n, (one, other) in enumerate(zip(seen.events, expected, strict=False)) if one != other), None
        )
        near = place if place is not None else min(len(seen.events), len(expected))
        yield (
            f"{seen.name}: differs from the log at place {near + 1}: {seen.events[near : near + 2]} "
            f"for {expected[near : near + 2]} ({len(seen.events)} of {len(expected)} events)"
        )


def receiver_misled(endpoint: str, delivered: Iterable[Delivered], events: Sequence[Event]) -> Iterator[str]:
    """Messages come in order and without gaps, the last one perhaps again, and say what the feed says."""
    by_position = {event["position"]: event for event in events}
    last, last_request = 0, 1
    for _, request in groupby(delivered, lambda message: message.request):
        messages = list(request)
        numbers = [message.message["sequence"] for message in messages]
        if any(message.message["epoch"] != 1 for message in messages):
            yield f"{endpoint}: an epoch begins that nobody asked for: {messages[0].message}"
            return
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            yield f"{endpoint}: a request with the numbers {numbers}"
        if numbers[0] > last + 1:
            yield f"{endpoint}: {numbers[0]} came after {last}: a gap"
        if numbers[0] <= last and numbers[0] < last_request:
            yield f"{endpoint}: {numbers[0]} came again after {last}"
        for message in messages:
            told = {name: value for name, value in message.message.items() if name not in MESSAGE_ONLY}
            event = dict(by_position.get(told["position"], {}))
            if told != event:
                yield f"{endpoint}: {told} was sent for {event}"
        if messages[0].taken:
            last_request = max(last_request, numbers[0])
            last = max(last, numbers[-1])


def receiver_forgotten(
    endpoint: str, delivered: Iterable[Delivered], events: Sequence[Event], types: frozenset[str]
) -> Iterator[str]:
    """In the end, every event that passes the filter was taken, in the order of the log."""
    wanted = [event["position"] for event in events if not types or event["type"] in types]
    taken = list(dict.fromkeys(message.message["position"] for message in delivered if message.taken))
    if taken != wanted:
        missing = sorted(set(wanted) - set(taken))
        yield f"{endpoint}: {len(missing)} events never came, such as {missing[:5]}; {len(taken)} came"
