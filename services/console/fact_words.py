"""Facts and compliance events in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from services.console.dates import code_words, london_day
from shared.events.facts import SYSTEM, TOPIC_OF, FactVoided

PREFIX: Final = "com.sage.partnercloud."

_FACTS: Final = {
    "partner-enrolled": "{partner_id} enrolled as a {kind} in {programme}",
    "partner-kind-changed": "{partner_id} became a {kind}",
    "partner-programme-changed": "{partner_id} changed to {programme}",
    "partner-closed": "{partner_id} closed",
    "partners-merged": "{partner_id} merged into {into}",
    "consultant-linked": "{consultant_id} joined {partner_id}",
    "consultant-left": "{consultant_id} left {partner_id}",
    "course-completed": "{consultant_id} completed the course for {product}",
    "exam-registered": "{consultant_id} registered for the {product} exam",
    "attempt-scored": "Attempt {attempt} of {registration_id} scored {score} %",
    "score-corrected": "The score of attempt {attempt} of {registration_id} was corrected to {score} %",
    "certification-recognised": "{consultant_id} has a recognised certification for {product}",
    "revocation-ordered": "The certification of {consultant_id} for {product} was revoked",
    "portal-change-declared": "Portal change {portal_change_id} was announced, due on {due_on}",
    "portal-change-corrected": "Portal change {portal_change_id} was corrected",
    "policy-revised": "The policy {policy_id} was set",
    "fact-voided": "The fact {fact_id} was taken back",
    "consultant-certified": "{consultant_id} was certified for {product}",
    "certification-revoked": "{consultant_id} lost the certification for {product}",
    "maintenance-completed": "{consultant_id} completed the maintenance of {product} for {portal_change_id}",
    "key-issued": "The API key {key_name} was issued",
    "key-revoked": "The API key {key_name} was revoked",
    "signing-key-rotated": "The log {log_id} signs with a new key",
    "engine-installed": "The engine {engine_id} decides from here on",
}

FINAL: Final = frozenset(TOPIC_OF[kind] for kind in (FactVoided, *SYSTEM))
"""Types of facts that cannot be taken back (R33), beside decisions."""

_EVENTS: Final = {
    "standing-changed": "The standing changed",
    "minimum-reached": "The headcount reached the minimum: selling is authorised",
    "replacement-window-opened": "A replacement window opened",
    "replacement-window-closing": "A replacement window closes soon",
    "replacement-window-closed": "A replacement window closed",
    "replacement-window-expired": "A replacement window expired",
    "replacement-window-voided": "A replacement window no longer applies",
    "selling-suspended": "Selling to new customers was suspended",
    "selling-reinstated": "Selling to new customers was reinstated",
    "authorisation-ended": "The authorisation ended",
    "certification-lapsed": "The certification of {consultant_id} lapsed",
    "maintenance-required": "Maintenance for {portal_change_id} is required by {due_on}",
    "dual-link-detected": "{consultant_id} is linked to several partners",
    "dual-link-cleared": "{consultant_id} is linked to one partner again",
    "retracted": "An earlier event no longer holds",
}

MEMBERS: Final = {
    "status": "Status",
    "sell_new": "Selling to new customers",
    "maintain_existing": "Maintaining existing customers",
    "headcount": "Headcount",
    "minimum": "Minimum",
    "shortfall": "Missing",
    "counted": "Counted on one side only",
    "windows": "Windows",
    "suspensions": "Suspensions",
}
"""The members of a standing, as people call them."""

LACKS: Final = {"course": "a completed course", "pass": "a passed exam", "maintenance": "maintenance"}
"""What a person lacks, as people call it."""


def _programme(code: str) -> str:
    return "no programme" if code == "NONE" else f"the programme {code_words(code)}"


_WORDS: Final[Mapping[str, Callable[[str], str]]] = {
    "programme": _programme,
    "kind": lambda code: "developer" if code == "DEVELOPER" else code,
    "due_on": london_day,
    "fact_id": lambda fact_id: fact_id[:8],
}
"""Members of facts that sentences say in other words."""


class _Known(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "…"


_MAY: Final = (
    ("admin", "may do everything"),
    ("facts", "may read and record facts"),
    ("audit", "may read and audit"),
    ("read", "may read"),
)


def may_words(scopes: Sequence[str]) -> str:
    """What the scopes of a key allow; one that may record and audit says both."""
    allowed = [word for scope, word in _MAY if scope in scopes]
    if "admin" not in scopes and {"facts", "audit"} <= set(scopes):
        return "may read, record facts and audit"
    return allowed[0] if allowed else "may do nothing"


def can_be_taken_back(fact: Mapping[str, Any]) -> bool:
    """Whether a void of the fact is accepted (R33)."""
    return not fact["voided"] and fact["causation_id"] is None and fact["type"] not in FINAL


def short_type(topic: str) -> str:
    """Such as "consultant-left" of a topic or of the type of an event."""
    return topic.removeprefix(PREFIX).rpartition(".")[0] or topic


def fact_sentence(topic: str, data: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """What a fact says. `names`: of people and partners, by id. Of a type that is not known, its name."""
    return _sentence(_FACTS, topic, data, names or {})


def event_sentence(topic: str, data: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """What a compliance event says, as `fact_sentence`; of one that takes another back, what no longer holds."""
    retracted = (data.get("retracts") or {}).get("type") if short_type(topic) == "retracted" else None
    if retracted is not None:
        return f"No longer holds: {_sentence(_EVENTS, retracted, data, names or {})}"
    return _sentence(_EVENTS, topic, data, names or {})


def value_words(value: Any, member: str = "", names: Mapping[str, str] | None = None) -> str:
    """A member of a standing in words. `names`: of people, by id."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_item_words(item, names or {}) for item in value) or (
            "no person" if member == "counted" else "none"
        )
    return str(value).replace("_", " ")


def _item_words(item: Any, names: Mapping[str, str]) -> str:
    if not isinstance(item, Mapping):
        return names.get(item, str(item))
    if "deadline_on" in item:
        outcome = str(item.get("outcome", "")).replace("_", " ")
        return f"{outcome} window, last day {london_day(item['deadline_on'])}"
    begin, end = london_day(item.get("from")), item.get("to")
    return f"from {begin} to {london_day(end)}" if end else f"from {begin}"


def _sentence(sentences: Mapping[str, str], topic: str, data: Mapping[str, Any], names: Mapping[str, str]) -> str:
    kind = short_type(topic)
    template = sentences.get(kind)
    if template is None:
        return kind.replace("-", " ").capitalize()
    known = {
        name: names.get(value, value) if name in ("partner_id", "consultant_id", "into") else value
        for name, value in data.items()
    }
    for name, word in _WORDS.items():
        if data.get(name):
            known[name] = word(data[name])
    return template.format_map(_Known(known))
