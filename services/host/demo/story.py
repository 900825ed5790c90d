"""What happened at the partners of the story, counted in days before the present.

Each fact is recorded on the day given, at noon, and is true from then unless `days_late` says that it was learned
late. Partners, by what becomes of them:

- `northgate` (VAR) sells S200P and is compliant; Ben passed only by the correction of his score.
- `harbour` (VAR) sells both products; Dora left, and the window for S200P ends in two days.
- `oldmill` (VAR) lost Finn and replaced nobody in time: suspended.
- `cedar` (VAR) lost Hugo too, which was learned a month late: suspended from the day its window ended.
- `ledgerlabs` (developer only) needs one consultant; of its two, Jude lapsed, who did not do the maintenance in time.
- `brightside` (VAR) has not reached its minimum yet.
- `tallyho` (VAR) left the programme.

Olga is certified for S200P and works for nobody yet. A score of hers for S200S waits for its registration.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import msgspec

DAYS: Final = 180
"""How many days before the present the story begins."""

PARTNER_NAMES: Final = {
    "northgate": "Northgate Business Systems Ltd",
    "harbour": "Harbour Accounting Software Ltd",
    "oldmill": "Old Mill Consulting LLP",
    "cedar": "Cedar Business Solutions Ltd",
    "ledgerlabs": "Ledger Labs Ltd",
    "brightside": "Brightside Software Ltd",
    "tallyho": "Tally-Ho IT Services Ltd",
}

CONSULTANT_NAMES: Final = {
    "anna": "Anna Whitfield",
    "ben": "Ben Okafor",
    "carl": "Carl Jennings",
    "dora": "Dora Marsh",
    "eve": "Eve Lindqvist",
    "finn": "Finn O’Donnell",
    "gwen": "Gwen Hughes",
    "hugo": "Hugo Bennett",
    "iris": "Iris Chowdhury",
    "jude": "Jude Pemberton",
    "kate": "Kate Rowley",
    "liam": "Liam Ferguson",
    "mona": "Mona Haddad",
    "noah": "Noah Price",
    "olga": "Olga Nowak",
}

_KEY: Final = "story-{:03}"
FIRST_KEY: Final = _KEY.format(1)


class ScriptedCall(msgspec.Struct, frozen=True):
    """One call: `body` to `path` (below /certification/v1) at the instant `recorded_at`, under the key."""

    key: str
    recorded_at: datetime
    path: str
    body: dict[str, Any]


class _Fact(msgspec.Struct, frozen=True):
    days: int
    path: str
    body: dict[str, Any]
    days_late: int = 0


def _enrolled(days: int, partner_id: str, kind: str) -> Iterator[_Fact]:
    yield _Fact(days, "partners", {"partner_id": partner_id, "kind": kind, "programme": "PARTNER_SUCCESS"})


def _certified(days: int, consultant_id: str, product: str, score: str = "86.50") -> Iterator[_Fact]:
    """Course, registration and a first attempt, over a week."""
    person = {"consultant_id": consultant_id, "product": product}
    registration = f"{consultant_id}-{product}"
    yield _Fact(days, "course-completions", person)
    yield _Fact(days - 3, "exam-registrations", {**person, "registration_id": registration})
    yield _Fact(days - 7, f"exam-registrations/{registration}/attempts", {"attempt": 1, "score": score})


def _joined(days: int, partner_id: str, *consultant_ids: str) -> Iterator[_Fact]:
    for consultant_id in consultant_ids:
        yield _Fact(days, f"partners/{partner_id}/consultants", {"consultant_id": consultant_id})


def _left(days: int, partner_id: str, consultant_id: str, days_late: int = 0) -> Iterator[_Fact]:
    yield _Fact(days, f"partners/{partner_id}/departures", {"consultant_id": consultant_id}, days_late)


def _maintained(days: int, consultant_id: str, product: str, change: str) -> Iterator[_Fact]:
    about = {"consultant_id": consultant_id, "product": product, "portal_change_id": change}
    registration = f"{consultant_id}-{change}"
    yield _Fact(days, "course-completions", about)
    yield _Fact(days - 1, "exam-registrations", {**about, "registration_id": registration})
    yield _Fact(days - 5, f"exam-registrations/{registration}/attempts", {"attempt": 1, "score": "91"})


def _facts(present: datetime) -> Iterator[_Fact]:
    yield from _enrolled(DAYS, "northgate", "VAR")
    yield from _joined(178, "northgate", "anna", "ben")
    yield from _certified(175, "anna", "S200P")
    yield from _certified(174, "ben", "S200P", "78.25")
    correction = {"score": "82.25", "reason": "a question was marked wrongly"}
    yield _Fact(150, "exam-registrations/ben-S200P/attempts/1/corrections", correction)

    yield from _enrolled(179, "harbour", "VAR")
    yield from _joined(177, "harbour", "carl", "dora")
    for consultant_id in ("carl", "dora"):
        yield from _certified(170, consultant_id, "S200P")
        yield from _certified(160, consultant_id, "S200S")
    yield from _joined(100, "harbour", "eve")
    yield from _certified(95, "eve", "S200S")
    yield from _left(28, "harbour", "dora")

    yield from _enrolled(176, "oldmill", "VAR")
    yield from _joined(175, "oldmill", "finn", "gwen")
    yield from _certified(172, "finn", "S200P")
    yield from _certified(171, "gwen", "S200P")
    yield from _left(75, "oldmill", "finn")

    yield from _enrolled(176, "cedar", "VAR")
    yield from _joined(174, "cedar", "hugo", "iris")
    yield from _certified(173, "hugo", "S200P")
    yield from _certified(172, "iris", "S200P")
    yield from _left(40, "cedar", "hugo", days_late=32)

    yield from _enrolled(168, "ledgerlabs", "DEVELOPER")
    yield from _joined(167, "ledgerlabs", "jude", "kate")
    yield from _certified(166, "jude", "S200S")
    yield from _certified(165, "kate", "S200S")

    yield from _enrolled(60, "brightside", "VAR")
    yield from _joined(58, "brightside", "liam")
    yield from _certified(55, "liam", "S200P")

    yield from _enrolled(170, "tallyho", "VAR")
    yield from _joined(169, "tallyho", "mona", "noah")
    yield from _certified(168, "mona", "S200P")
    yield from _certified(168, "noah", "S200P")
    yield _Fact(50, "partners/tallyho/programme-changes", {"programme": "NONE"})

    yield from _certified(90, "olga", "S200P")
    yield _Fact(3, "exam-registrations/olga-S200S/attempts", {"attempt": 1, "score": "88"})

    change = {
        "portal_change_id": "portal-2",
        "products": ["S200S"],
        "significant": True,
        "due_on": (present - timedelta(days=12)).date().isoformat(),
        "summary": "The portal orders Azure subscriptions by itself",
    }
    yield _Fact(80, "portal-changes", change)
    for days, consultant_id in ((60, "carl"), (58, "dora"), (57, "eve"), (55, "kate")):
        yield from _maintained(days, consultant_id, "S200S", "portal-2")


def story(present: datetime) -> list[ScriptedCall]:
    """The calls in the order in which they were made, the first `DAYS` ago. The same for every `present` of one day."""
    noon = datetime.combine(present.date(), time(12), UTC)
    recorded = [(noon - timedelta(days=fact.days - fact.days_late), fact) for fact in _facts(present)]
    calls = []
    for number, (recorded_at, fact) in enumerate(sorted(recorded, key=lambda pair: pair[0]), 1):
        true_from = {"effective_at": (noon - timedelta(days=fact.days)).isoformat()} if fact.days_late else {}
        calls.append(ScriptedCall(_KEY.format(number), recorded_at, fact.path, {**fact.body, **true_from}))
    return calls
