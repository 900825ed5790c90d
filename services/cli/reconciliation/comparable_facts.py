"""Facts as a transcript and the log can be compared: of which kind, about what, when and with which content."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import click
import msgspec

from services.cli.imports.mapping import ImportMapping, MappedFact
from shared.events import facts
from shared.events.facts import TOPIC_OF, FactData

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = datetime.resolution


class Kind(NamedTuple):
    """What one path records. `path`: after `/certification/v1/`. `key`: the fields that say what a fact is about.

    `once`: of one key one fact can stand (R34); of the others several can, each at its instant.
    """

    path: str
    data: type[FactData]
    key: tuple[str, ...]
    once: bool = False

    @property
    def topic(self) -> str:
        """The type of its facts in the feed."""
        return TOPIC_OF[self.data]

    @property
    def name(self) -> str:
        """The short name of the type."""
        return self.data.topic.removesuffix(".v1")


_LINK: Final = ("partner_id", "consultant_id")
_CERTIFICATION: Final = ("consultant_id", "product")
_ATTEMPT: Final = ("registration_id", "attempt")

KINDS: Final = (
    Kind("partners", facts.PartnerEnrolled, ("partner_id",)),
    Kind("partners/{partner_id}/kind-changes", facts.PartnerKindChanged, ("partner_id",)),
    Kind("partners/{partner_id}/programme-changes", facts.PartnerProgrammeChanged, ("partner_id",)),
    Kind("partners/{partner_id}/closure", facts.PartnerClosed, ("partner_id",)),
    Kind("partners/{partner_id}/merger", facts.PartnersMerged, ("partner_id",)),
    Kind("partners/{partner_id}/consultants", facts.ConsultantLinked, _LINK),
    Kind("partners/{partner_id}/departures", facts.ConsultantLeft, _LINK),
    Kind("course-completions", facts.CourseCompleted, (*_CERTIFICATION, "portal_change_id")),
    Kind("recognised-certifications", facts.CertificationRecognised, _CERTIFICATION),
    Kind("certification-revocations", facts.RevocationOrdered, _CERTIFICATION),
    Kind("exam-registrations", facts.ExamRegistered, ("registration_id",), once=True),
    Kind("exam-registrations/{registration_id}/attempts", facts.AttemptScored, _ATTEMPT, once=True),
    Kind("exam-registrations/{registration_id}/attempts/{attempt}/corrections", facts.ScoreCorrected, _ATTEMPT),
    Kind("portal-changes", facts.PortalChangeDeclared, ("portal_change_id",), once=True),
    Kind("portal-changes/{portal_change_id}/corrections", facts.PortalChangeCorrected, ("portal_change_id",)),
    Kind("policy-revisions", facts.PolicyRevised, ("policy_id",), once=True),
)
BY_NAME: Final = {kind.name: kind for kind in KINDS}
BY_TOPIC: Final = {kind.topic: kind for kind in KINDS}
SCORED: Final = BY_NAME["attempt-scored"]
CORRECTED: Final = BY_NAME["score-corrected"]


class Comparable(NamedTuple):
    """`key` and `content`: JSON in one form only. `instant`: the effective one, in microseconds since 1970."""

    kind: str
    key: str
    instant: int
    content: str


def kinds_of(mapping: ImportMapping) -> frozenset[str]:
    """The names of the kinds of fact that the mapping makes. Raises `click.ClickException` for any other path."""
    return frozenset(_kind_of(fact.path).name for fact in mapping.fact)


def from_transcript(fact: MappedFact) -> Comparable:
    """What the fact of a row says."""
    kind = _kind_of(fact.path)
    return _comparable(kind, fact.values, fact.effective_at)


def from_log(kind: Kind, data: Mapping[str, Any], effective_at: datetime) -> Comparable:
    """What a recorded fact says."""
    return _comparable(kind, data, effective_at)


def instant_of(count: int) -> datetime:
    """The instant, from microseconds since 1970, in UTC."""
    return _EPOCH + count * _MICROSECOND


def microseconds(instant: datetime) -> int:
    """How long after 1970 it is."""
    return (instant.astimezone(UTC) - _EPOCH) // _MICROSECOND


def _kind_of(path: str) -> Kind:
    for kind, pattern in _PATTERNS:
        if pattern.fullmatch(path):
            return kind
    raise click.ClickException(f"A transcript has no facts that {path} records.")


def _comparable(kind: Kind, values: Mapping[str, Any], effective_at: datetime) -> Comparable:
    fields = [name for name in kind.data.__struct_fields__ if not name.endswith("_hash")]
    said = {name: _plain(name, values[name]) for name in fields if values.get(name) is not None}
    key = {name: said.pop(name, None) for name in kind.key}
    return Comparable(kind.name, _json(key), microseconds(effective_at), _json(dict(sorted(said.items()))))


def _plain(name: str, value: Any) -> Any:
    """The one form of a value: scores as exact decimals, lists in order."""
    plain = msgspec.to_builtins(value)
    if name == "score":
        try:
            written = format(Decimal(str(plain)), "f")
            return written.rstrip("0").rstrip(".") if "." in written else written
        except InvalidOperation:
            return plain
    if name == "attempt":
        return int(plain)
    return sorted(plain) if isinstance(plain, list) else plain


def _json(members: Mapping[str, Any]) -> str:
    return msgspec.json.encode(members).decode()


def _pattern(path: str) -> re.Pattern[str]:
    """Matches the path of a call and the one of a mapping."""
    return re.compile("/certification/v1/" + re.sub(r"\{\w+\}", "[^/]+", path))


_PATTERNS: Final = tuple((kind, _pattern(kind.path)) for kind in KINDS)
