"""The bytes of an answer about a partner: the stored members, and those put in front of them in each answer."""

from datetime import datetime
from typing import Final

import msgspec

from services.compliance.historical_answers.as_of import AsOf
from services.compliance.policy.mends import Mends, mends
from services.compliance.policy.near_people import Nearest
from services.compliance.policy.reason import Reason
from shared.events.compliance_events import Standing, Status, Suspension, Window
from shared.events.wire import instant_text

_encode: Final = msgspec.json.Encoder().encode


class StandingBody(msgspec.Struct, frozen=True):
    """The members of an answer that follow `position`: the same wherever it comes from."""

    headcount: int
    counted: tuple[str, ...]
    minimum: int | None
    shortfall: int | None
    status: Status
    sell_new: bool
    maintain_existing: bool
    windows: tuple[Window, ...]
    suspensions: tuple[Suspension, ...]
    reasons: tuple[Reason, ...]
    next_change_at: datetime | None


class MendedStanding(StandingBody, frozen=True, kw_only=True):
    """`mends`: what would make it compliant; null if it is."""

    mends: Mends | None


class ComplianceAnswer(MendedStanding, frozen=True, kw_only=True):
    """How a partner stands for a product at `at`, judged from the facts known at `known_at`, up to `position`.

    `mends`: what would make it compliant; null if it is.
    `name`: of the partner, as it is called now; null if it is unknown or erased.
    `policy_id`: the policy in force at `at` (R39). `engine`: the id of what derived the answer. `headcount` people, the
    `counted` ones, against the `minimum` (R9, R10); both null with the kind. `next_change_at`: the next instant
    at which the answer changes if no fact comes.
    """

    partner_id: str
    name: str | None
    product: str
    at: datetime
    known_at: datetime
    position: int
    policy_id: str
    engine: str


def body_of(standing: Standing, reasons: tuple[Reason, ...], next_change_at: datetime | None) -> bytes:
    """The JSON of the members, without the opening brace."""
    body = StandingBody(
        headcount=standing.headcount,
        counted=standing.counted,
        minimum=standing.minimum,
        shortfall=standing.shortfall,
        status=standing.status,
        sell_new=standing.sell_new,
        maintain_existing=standing.maintain_existing,
        windows=standing.windows,
        suspensions=standing.suspensions,
        reasons=reasons,
        next_change_at=next_change_at,
    )
    return _encode(body)[1:]


class _Mendable(msgspec.Struct):
    """The members of a body from which it follows what would mend it."""

    status: Status
    shortfall: int | None
    windows: tuple[Window, ...]


def mends_of(body: bytes, nearest: Nearest) -> Mends | None:
    """What would mend the standing of a body."""
    found = _decode_mendable(b"{" + body)
    return mends(found.status, found.shortfall, found.windows, nearest)


def with_mends(body: bytes, found: Mends | None, changes_at: datetime | None) -> bytes:
    """The body with what would mend it. `changes_at`: when somebody else is nearest."""
    members, _, change = body.rpartition(_CHANGES)
    if changes_at is not None:
        foreseen = msgspec.json.decode(change[:-1], type=datetime | None)
        earliest = changes_at if foreseen is None else min(foreseen, changes_at)
        change = f'"{instant_text(earliest)}"}}'.encode()
    return b'%b,"mends":%b%b%b' % (members, _encode(found), _CHANGES, change)


def as_of_members(moment: AsOf) -> str:
    """The members `at`, `known_at`, `position`, `policy_id` and `engine`, which every answer carries."""
    when = f'"at":"{instant_text(moment.at)}","known_at":"{instant_text(moment.known_at)}"'
    return f'{when},"position":{moment.position},"policy_id":"{moment.policy_id}","engine":"{moment.engine}"'


def partner_members(partner_id: str, name: str | None) -> bytes:
    """The members `partner_id` and `name`. The ids are those of the contract, which JSON writes as they are."""
    return b'"partner_id":"%b","name":%b' % (partner_id.encode(), _encode(name))


def compliance_answer(partner_id: str, name: str | None, product: str, moment: AsOf, body: bytes) -> bytes:
    """The whole answer."""
    front = f'"product":"{product}",{as_of_members(moment)},'
    return b"{%b,%b" % (partner_members(partner_id, name), front.encode()) + (
        body if moment.revised_at is None else _changing_by(moment, body)
    )


def _changing_by(moment: AsOf, body: bytes) -> bytes:
    """The body, whose last member is `next_change_at`, of an answer that changes with the policy too (R39)."""
    members, _, _ = body.rpartition(_CHANGES)
    change = moment.next_change(_decode_change(b"{" + body).next_change_at)
    assert change is not None, "the policy changes"
    return members + _CHANGES + f'"{instant_text(change)}"}}'.encode()


class _Changing(msgspec.Struct):
    next_change_at: datetime | None


_CHANGES: Final = b',"next_change_at":'
_decode_mendable: Final = msgspec.json.Decoder(_Mendable).decode
_decode_change: Final = msgspec.json.Decoder(_Changing).decode
