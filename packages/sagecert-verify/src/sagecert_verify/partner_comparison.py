"""One partner: what follows from the facts, step by step, against what was published about it and claimed.

An engine that was replaced later may have followed other rules. Where it did, its events are not derived: they stand as
published, and the next engine has to have corrected them by exactly the events that follow, each naming the fact that
installed it.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, groupby, zip_longest
from typing import Final, NamedTuple

from sagecert_verify.checked_export import CheckedExport, Result
from sagecert_verify.claims import Claim, check_claim, check_names
from sagecert_verify.derive.event_data import Event, type_of
from sagecert_verify.derive.logged_fact import LoggedFact, instant_of
from sagecert_verify.derive.partner import PartnerDerivation
from sagecert_verify.derive.published_state import STANDING_CHANGED, publication_of
from sagecert_verify.derive.step_events import Stated
from sagecert_verify.difference import difference, is_same
from sagecert_verify.finding import Finding
from sagecert_verify.indexed_events import TakeOver
from sagecert_verify.rows import Row, short

INSTANT: Final = timedelta(microseconds=1)
_STANDING_CHANGED: Final = type_of(STANDING_CHANGED)

Found = tuple[int, Row]
"""An event as it was published, and its position."""


def compare_partner(export: CheckedExport, partner: str) -> Result:
    """Every event and every claim about the partner. Raises what a malformed fact raises."""
    take_overs = export.take_overs
    published = list(export.events.events(export.events.by_partner.get(partner, ())))
    derivation = PartnerDerivation(partner, export.products)
    claims = _Claims(export, derivation, export.claims.about(partner))
    story = _Story(export, derivation, claims)
    seen = compared = kept = 0
    first_kept: Finding | None = None
    is_corrected = True
    corrections: Iterable[Event] = ()
    for number, own in enumerate(_by_engine(published, take_overs)):
        take_over = take_overs[number] if number < len(take_overs) else None
        derived = chain(corrections, story.until(take_over, _stated(own)))
        finding = _first_difference(derived, own, export, partner)
        seen += len(own)
        corrections = ()
        if finding is None:
            compared, is_corrected = compared + len(own), True
            continue
        if take_over is None:
            return Result(_uncorrected(finding, first_kept, is_corrected), events=compared)
        deque(derived, maxlen=0)  # to where the next engine takes over
        first_kept, is_corrected, kept = first_kept or finding, False, kept + len(own)
        publication = publication_of(row for _, row in published[:seen])
        at, position, _ = take_over.after
        corrections = derivation.correct(publication, instant_of(short(at)), position, take_over.engine.fact_id)
    if claims.finding(kept) is not None:
        return Result(claims.finding(kept), events=compared)
    return Result(
        events=compared,
        claims=claims.right,
        unpublished=story.unpublished,
        kept=kept,
        kept_claims=len(claims.of_earlier_engines),
        first_kept=None if first_kept is None else first_kept.position,
    )


def _by_engine(published: Sequence[Found], take_overs: Sequence[TakeOver]) -> list[list[Found]]:
    """The events of one partner before, between and after the steps at which engines took over."""
    parts: list[list[Found]] = [[] for _ in range(len(take_overs) + 1)]
    place = 0
    for position, row in published:
        columns = row.columns
        step = columns["recorded_at"], columns["fact_position"], columns["partner_id"]
        while place < len(take_overs) and take_overs[place].is_before(position, step):
            place += 1
        parts[place].append((position, row))
    return parts


def _first_difference(
    derived: Iterator[Event], published: Sequence[Found], export: CheckedExport, partner: str
) -> Finding | None:
    for expected, found in zip_longest(derived, published):
        if expected is None or found is None or not is_same(expected, found[1]):
            return difference(partner, expected, found, export)
    return None


def _uncorrected(finding: Finding, first_kept: Finding | None, is_corrected: bool) -> Finding:
    """Where the engine that took over last left something as it was, the first place is where that was published."""
    if is_corrected or first_kept is None:
        return finding
    sentence = f"{first_kept.sentence}; the engine that took over later has not corrected that so: {finding.sentence}"
    return first_kept._replace(sentence=sentence)


def _stated(published: Sequence[Found]) -> Stated:
    """What is taken from the events as it stands there."""
    since = {}
    without_policy = set()
    for _, (columns, body) in published:
        step = instant_of(short(columns["recorded_at"])), columns["fact_position"]
        if columns["type"] == _STANDING_CHANGED and columns["products"]:
            since[*step, columns["products"][0]] = instant_of(short(columns["effective_at"]))
        if b'"policy_id":' not in body:
            without_policy.add(step)
    return Stated(since, without_policy)


class _Story:
    """The steps of one partner, in order, as they are asked for. `unpublished`: events that follow later."""

    def __init__(self, export: CheckedExport, derivation: PartnerDerivation, claims: "_Claims") -> None:
        self.unpublished = 0
        self._derivation = derivation
        self._claims = claims
        positions = export.facts.about_partner(derivation.partner_id)
        self._groups = appends(export.facts.facts(positions))
        self._next = next(self._groups, None)
        instant, position, partner = export.events.reach
        self._reach = _Step(instant_of(short(instant)), position, partner) if instant else None

    def until(self, take_over: TakeOver | None, stated: Stated) -> Iterator[Event]:
        """The events up to where the engine takes over; None: all that the log of events reaches."""
        end = self._reach
        if take_over is not None:
            instant, position, partner = take_over.after
            end = _Step(instant_of(short(instant)), position, partner)
        if end is not None:
            while self._next is not None and self._step() <= end:
                yield from self._take(stated)
            own = end._replace(position=0, partner=self._derivation.partner_id)
            yield from self._derivation.fire_timers(end.instant if own <= end else end.instant - INSTANT, stated)
        if take_over is None:
            while self._next is not None:
                self.unpublished += sum(1 for _ in self._take(stated))
            self._claims.before(float("inf"))

    def _step(self) -> "_Step":
        assert self._next is not None
        position, group = self._next
        return _Step(group[0].recorded_at, position, self._derivation.partner_id)

    def _take(self, stated: Stated) -> Iterator[Event]:
        assert self._next is not None
        position, group = self._next
        self._claims.before(position)
        yield from self._derivation.take(group, stated)
        self._next = next(self._groups, None)


class _Step(NamedTuple):
    instant: datetime
    position: int
    partner: str


class _Claims:
    """Claims are compared with what is known after the facts up to their position.

    `of_earlier_engines`: what is wrong with those of engines that were replaced later.
    """

    def __init__(self, export: CheckedExport, derivation: PartnerDerivation, claims: Iterable[Claim]) -> None:
        self.right = 0
        self.of_earlier_engines: list[Finding] = []
        self._system = export.facts.system
        self._derivation = derivation
        self._claims = iter(claims)
        self._next = next(self._claims, None)
        self._finding: Finding | None = None

    def before(self, position: float) -> None:
        """All claims made before the fact at this position."""
        while self._next is not None and self._next.position < position and self._finding is None:
            claim, self._next = self._next, next(self._claims, None)
            self._finding = check_names(claim, self._derivation, self._system)
            finding = None if self._finding is not None else check_claim(claim, self._derivation)
            if finding is None:
                self.right += 1
            elif self._system.was_replaced(claim.engine):
                self.of_earlier_engines.append(finding)
            else:
                self._finding = finding

    def finding(self, kept: int) -> Finding | None:
        """The first wrong claim. `kept`: the events by other rules; where there are any, their engine also answered."""
        return self._finding or (self.of_earlier_engines[0] if self.of_earlier_engines and not kept else None)


def appends(facts: Iterable[LoggedFact]) -> Iterator[tuple[int, list[LoggedFact]]]:
    """The facts of each append, with its position."""
    return ((position, list(group)) for position, group in groupby(facts, key=lambda fact: fact.append_position))
