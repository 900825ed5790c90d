"""Topics: every class has one, for ever; and nothing that can name a person has a place in a fact."""

import re
from typing import get_args

import msgspec
import pytest

from services.certification.api import events as fact_feed
from services.compliance import cloud_event as compliance_feed
from shared.events import facts, system_facts
from shared.events.compliance_events import (
    TYPE_OF,
    ComplianceEvent,
    ComplianceEventData,
    Retraction,
    Standing,
    Suspension,
    Window,
)
from shared.events.endpoint_notices import NOTICES
from shared.events.envelope import Fact
from shared.events.fact_class import Data
from shared.events.facts import DECIDED, REPORTED, SYSTEM, TOPIC_OF, TOPICS, FactData, Period
from shared.events.upcasts import UPCASTS
from shared.events.wire import Stored

TOPIC = re.compile(r"com\.sage\.partnercloud\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]*")

FIELDS_THAT_CANNOT_NAME_A_PERSON = {
    # ids that the caller chose (see the integrator guide: opaque, never a name or an address)
    "partner_id", "into", "consultant_id", "registration_id", "portal_change_id",
    "policy_id",
    # ids that the system made
    "fact_id", "grant_id", "start_facts", "end_facts", "causation_id", "fact_ids", "event_id", "epoch", "endpoint_id",
    "causationid", "id", "about", "subject",
    # made by the system, or an opaque token of a form that has no room for a name
    "correlation_id", "correlationid",
    # SHA-256 of a text that lies elsewhere and can be erased
    "reason_hash", "evidence_hash",
    # closed lists, numbers, instants, days
    "kind", "programme", "product", "products", "attempt", "score", "significant", "due_on", "granted_at",
    "periods", "start", "end", "effective_at", "recorded_at", "time", "recordedtime", "position", "append_position",
    "sequence",
    "window_days", "programmes", "reminder_days", "var", "developer",
    "headcount", "counted", "minimum", "shortfall", "status", "sell_new", "maintain_existing", "windows", "suspensions",
    "counted_omitted", "windows_omitted", "suspensions_omitted",
    "opened_at", "deadline_on", "deadline_at", "closed_at", "outcome", "since", "to", "standings", "window", "retracts",
    "type", "specversion", "source", "datacontenttype",
    # true or absent
    "history",
    # the name of the API key that recorded it, which the owner chose for a system
    "actor", "key_name",
    # SHA-256 of 256 random bits, and a closed list
    "digest", "scopes",
    # made of the code by its build
    "engine_id", "code_version", "policy_digest", "tzdata",
    # what the sealed logs sign with: their random id, keys and a signature
    "log_id", "previous_public_key", "public_key", "signature",
    # the fields above, as a whole
    "data",
    # about the portal, written by Sage for every partner
    "summary",
}  # fmt: skip


def test_every_class_of_a_fact_has_exactly_one_topic() -> None:
    classes = set(get_args(FactData))
    assert set(TOPICS.values()) == classes
    assert set(TOPIC_OF) == classes
    assert len(TOPICS) == len(classes), "two topics decode to one class: an older version belongs into UPCASTS"


def test_every_class_that_looks_like_a_fact_is_one() -> None:
    defined = {
        value
        for module in (facts, system_facts)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Data) and value is not Data
    }
    assert defined == set(TOPICS.values())


def test_every_topic_names_its_version() -> None:
    for topic in [*TOPICS, *UPCASTS, *TYPE_OF.values()]:
        assert TOPIC.fullmatch(topic), f"{topic}: a topic is {TOPIC.pattern}"


def test_no_fact_and_compliance_event_share_a_type() -> None:
    assert not TOPICS.keys() & set(TYPE_OF.values())


def test_a_lifted_topic_has_no_class_of_its_own() -> None:
    assert not TOPICS.keys() & UPCASTS.keys(), "an old version is lifted by its upcast, not decoded"


def test_a_fact_is_reported_or_decided_or_about_the_system() -> None:
    assert set(TOPICS.values()) == REPORTED | DECIDED | SYSTEM
    assert len(TOPICS) == len(REPORTED) + len(DECIDED) + len(SYSTEM)


FOR_EVER: list[type[msgspec.Struct]] = [
    *(*TOPICS.values(), Period, Fact, Stored, fact_feed.CloudEvent),
    *(ComplianceEvent, ComplianceEventData, Standing, Window, Suspension, Retraction, compliance_feed.CloudEvent),
    *NOTICES.values(),
]
"""Facts and compliance events, with the envelopes in which they are stored and published."""


@pytest.mark.parametrize("cls", FOR_EVER, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_no_field_of_what_is_kept_for_ever_can_hold_a_name_or_an_address(cls: type[msgspec.Struct]) -> None:
    unknown = {field.name for field in msgspec.structs.fields(cls)} - FIELDS_THAT_CANNOT_NAME_A_PERSON
    assert not unknown, (
        f"{cls.__name__} has {sorted(unknown)}: a fact can never be erased. If a person could be named there, keep the "
        "text in a table of its own and its hash in the fact (docs/decisions/0009); if not, list the field here."
    )


@pytest.mark.parametrize("cls", [*TOPICS.values(), Period], ids=lambda cls: cls.__name__)
def test_facts_are_frozen_and_say_what_they_mean(cls: type[msgspec.Struct]) -> None:
    assert cls.__struct_config__.frozen
    assert cls.__doc__


@pytest.mark.parametrize("cls", list(TOPICS.values()), ids=lambda cls: cls.__name__)
def test_the_name_of_a_topic_is_the_name_of_its_class(cls: type[FactData]) -> None:
    words = re.findall(r"[A-Z][a-z]+", cls.__name__)
    assert TOPIC_OF[cls].removeprefix(facts.TOPIC_PREFIX).partition(".")[0] == "-".join(words).lower()
