"""What is announced about one partner: the events of a step, and what was published before it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sagecert_verify.derive.event_data import Event, encoded, event_id, type_of, window_json
from sagecert_verify.derive.facts_of_partner import Known
from sagecert_verify.derive.logged_fact import instant_text
from sagecert_verify.derive.policy import FIRST_POLICY_ID
from sagecert_verify.derive.published_state import (
    DUAL,
    REQUIRED,
    RETRACTED,
    STANDING_CHANGED,
    Publication,
    Published,
    Standing,
)
from sagecert_verify.derive.sweep import Announcement, State

LAPSED: Final = "certification-lapsed"
REMINDER: Final = "replacement-window-closing"


class Stated(NamedTuple):
    """What is taken from the published events as it stands there; steps by instant and fact position.

    `since`: by step and product, the effective instant of its `standing-changed`. `without_policy`: the steps of the
    time before events named a policy: they use that of August 2021.
    """

    since: Mapping[tuple[datetime, int, str], datetime] = {}
    without_policy: Collection[tuple[datetime, int]] = ()


NOTHING_STATED: Final = Stated()


class Step:
    """What one group of facts, or one instant, changes. `changed_from`: by product, since when its states differ.

    `grounds`: by product, the instants at which other facts than before can be behind a state that is the same.
    `history`: the facts were loaded afterwards.
    """

    def __init__(self, instant: datetime, position: int, fact_ids: Sequence[str], *, history: bool = False) -> None:
        self.instant = instant
        self.position = position
        self.fact_ids = fact_ids
        self.history = history
        self.changed_from: dict[str, datetime] = {}
        self.grounds: set[tuple[str, datetime | None]] = set()
        self.retracted: list[Announcement] = []
        self.announced: list[Announcement] = []

    def mark(self, product: str, instant: datetime) -> None:
        """The product's states differ from this instant on."""
        self.changed_from[product] = min(self.changed_from.get(product, instant), instant)

    def order(self, notice: Announcement) -> tuple[datetime, str, bool]:
        """By effective instant; what concerns several products first, then product by product.

        A lapse comes first among those of its product where facts made the step, and last where time did.
        """
        return notice.instant, notice.product or "", (notice.name == LAPSED) != bool(self.position)


class Announcer:
    """Turns steps into events. `standing` and `state` answer for a product and an instant."""

    def __init__(
        self,
        known: Known,
        products: Sequence[str],
        standing: Callable[[str, datetime], Standing],
        state: Callable[[str, datetime], State | None],
    ) -> None:
        self._known = known
        self._products = products
        self._standing = standing
        self._state = state
        self._published: dict[Announcement, Published] = {}
        self._told: dict[str, Standing] = {}
        self._count = 0
        self._names_policy = True

    def has_published(self, notice: Announcement) -> bool:
        """Whether an event that has not been retracted says so."""
        return notice in self._published

    def events(self, step: Step, stated: Stated) -> Iterator[Event]:
        """Retractions, newest first; then what is new. All carry the standings of the products touched."""
        self._names_policy = (step.instant, step.position) not in stated.without_policy
        changed_from = {product: at for product, at in step.changed_from.items() if at <= step.instant}
        notices = (*step.announced, *step.retracted)
        touched = {product for notice in step.announced for product in self._concerned(notice)}
        touched |= {product for notice in step.retracted for product in self._published[notice].products}
        current = {product: self._standing(product, step.instant) for product in touched | changed_from.keys()}
        specific = {notice.product for notice in notices}
        announced = list(step.announced)
        for product, since in changed_from.items():
            if current[product] == self._told.get(product):
                continue
            touched.add(product)
            if product not in specific:
                said = stated.since.get((step.instant, step.position, product), since)
                since = said if said < since and (product, said) in step.grounds else since
                announced.append(Announcement(STANDING_CHANGED, since, product, "", 1))
        standings = [current[product] for product in self._products if product in touched]
        self._told |= {product: current[product] for product in touched}
        yield from self._retractions(step, standings)
        for notice in sorted(announced, key=step.order):
            yield self._announcement(notice, standings, step)

    def corrections(self, step: Step, publication: Publication) -> Iterator[Event]:
        """What another engine published, and what follows instead; later steps build on the corrected publication.

        No reminder is sent late. A product that is no longer sold has no standing from then on.
        """
        self._names_policy = True
        step.retracted = [notice for notice in publication.standing if notice not in self._published]
        step.announced = [
            notice for notice in self._published if notice not in publication.standing and notice.name != REMINDER
        ]
        self._published, self._count = dict(publication.standing), publication.events
        self._told = dict(publication.told)
        current = {product: self._standing(product, step.instant) for product in self._products}
        changed = [product for product in self._products if current[product] != self._told.get(product)]
        changed += [product for product in self._told if product not in current]
        self._told = current
        covered = {notice.product for notice in (*step.announced, *step.retracted)}
        touched = set(changed)
        touched |= {product for notice in step.announced for product in self._concerned(notice)}
        touched |= {product for notice in step.retracted for product in self._published[notice].products}
        standings = [current[product] for product in self._products if product in touched]
        changes = (Announcement(STANDING_CHANGED, step.instant, product, "", 1) for product in changed)
        announced = [*step.announced, *(change for change in changes if change.product not in covered)]
        yield from self._retractions(step, standings)
        for notice in sorted(announced, key=lambda notice: (notice.instant, notice.product or "")):
            yield self._announcement(notice, standings, step)

    def _retractions(self, step: Step, standings: Sequence[Standing]) -> Iterator[Event]:
        for notice in sorted(step.retracted, key=lambda notice: self._published[notice].number, reverse=True):
            yield self._retraction(notice, standings, step)

    def _concerned(self, notice: Announcement) -> Sequence[str]:
        if notice.product is not None:
            return (notice.product,)
        return notice.products if notice.name == REQUIRED else self._products

    def _announcement(self, notice: Announcement, standings: Sequence[Standing], step: Step) -> Event:
        products = self._concerned(notice)
        data = self._data(products, standings, step)
        if notice.name in (*DUAL, LAPSED):
            data["consultant_id"] = notice.about
        elif notice.name == REQUIRED:
            data["portal_change_id"] = notice.about
            data["due_on"] = notice.due_on
        elif notice.about:
            data["window"] = self._window(notice, step.instant)
        event = self._event(notice.name, notice, data, step, step.history)
        self._count += 1
        if notice.name != STANDING_CHANGED:
            self._published[notice] = Published(event.event_id, tuple(products), self._count, step.history)
        return event

    def _window(self, notice: Announcement, at: datetime) -> dict[str, Any]:
        assert notice.product is not None
        state = self._state(notice.product, at)
        assert state is not None
        return next(
            window_json(window)
            for window in state.windows
            if (instant_text(window.opened_at), window.ordinal) == (notice.about, notice.ordinal)
        )

    def _retraction(self, notice: Announcement, standings: Sequence[Standing], step: Step) -> Event:
        published = self._published.pop(notice)
        data = self._data(published.products, standings, step)
        data["retracts"] = {
            "event_id": published.event_id,
            "type": type_of(notice.name),
            "effective_at": instant_text(notice.instant),
        }
        self._count += 1
        return self._event(RETRACTED, notice, data, step, step.history and published.history)

    def _data(self, products: Sequence[str], standings: Sequence[Standing], step: Step) -> dict[str, Any]:
        data: dict[str, Any] = {"partner_id": self._known.partner_id, "products": products, "standings": standings}
        return data | {"fact_ids": step.fact_ids} if step.fact_ids else data

    def _event(self, name: str, notice: Announcement, data: Mapping[str, Any], step: Step, history: bool) -> Event:
        """With the policy in force when it was true, as known now (R39)."""
        said = {**data, "policy_id": self._known.policies.at(notice.instant).policy_id}
        if history:
            said["history"] = True
        body, type_ = encoded(said if self._names_policy else without_first_policy(said)), type_of(name)
        effective_at, recorded_at = instant_text(notice.instant), instant_text(step.instant)
        return Event(
            event_id(type_, effective_at, recorded_at, notice.about, notice.ordinal, body),
            type_,
            data["partner_id"],
            data["products"],
            effective_at,
            recorded_at,
            step.position,
            notice.about,
            body,
        )


def without_first_policy(said: Any) -> Any:
    """The same without naming the policy of August 2021, as events were before there was another."""
    if isinstance(said, Mapping):
        return {
            name: without_first_policy(value)
            for name, value in said.items()
            if (name, value) != ("policy_id", FIRST_POLICY_ID)
        }
    return [without_first_policy(member) for member in said] if isinstance(said, list) else said
