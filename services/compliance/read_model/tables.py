"""The tables of the read model. This is their one description; the migrations are tested against it.

No table names its schema: connections put it on their search path, so that a rebuild can write the same tables into a
second schema. Everything but `compliance_event` and `policy_upgrade` can be dropped and derived again. So can the
events since the last takeover, to the byte; but subscribers hold them, and therefore they are append-only.
"""

from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()


def _id(name: str, *, nullable: bool = False, comment: str | None = None) -> Column[str]:
    """An id; compared by its bytes, as Python compares it."""
    return Column(name, Text(collation="C"), nullable=nullable, comment=comment)


def _instant(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


progress = Table(
    "progress",
    metadata,
    Column("only_row", Boolean, nullable=False, server_default=text("true"), comment="There is one row."),
    Column("position", BigInteger, nullable=False, comment="The last fact applied for every partner."),
    _instant("known_through"),
    _instant("cursor_instant"),
    Column("cursor_position", BigInteger, nullable=False, comment="append_position of the group; 0 for timers."),
    _id("cursor_partner_id"),
    Column("event_position", BigInteger, nullable=False, comment="The position of the last compliance event."),
    Column(
        "engine_id",
        Text,
        nullable=False,
        comment="The engine that derived what is here; empty: nothing was derived yet.",
    ),
    Column("held_by", Text, nullable=False, comment="The process that advanced it last."),
    _instant("advanced_at"),
    PrimaryKeyConstraint("only_row", name="progress_pkey"),
    CheckConstraint("only_row", name="progress_only_row_check"),
    comment="How far the projection has come. Its row is locked by whoever advances it.",
)

policy_upgrade = Table(
    "policy_upgrade",
    metadata,
    Column("number", Integer, nullable=False, autoincrement=False, comment="From 1; the last one holds."),
    Column("engine_id", Text, nullable=False, comment="The engine that took over."),
    Column(
        "event_position",
        BigInteger,
        nullable=False,
        comment="The last compliance event that was published before, or corrects that.",
    ),
    _instant("cursor_instant"),
    Column("cursor_position", BigInteger, nullable=False),
    _id("cursor_partner_id"),
    _instant("upgraded_at"),
    Column("engine_fact_id", Text(collation="C"), comment="The fact that is the cause of the corrections."),
    PrimaryKeyConstraint("number", name="policy_upgrade_pkey"),
    comment="Policies that took over from another, after correcting what it had published.",
)

compliance_event = Table(
    "compliance_event",
    metadata,
    Column("position", BigInteger, nullable=False, autoincrement=False, comment="From 1, without gaps."),
    _id("event_id"),
    Column("type", Text, nullable=False),
    _id("partner_id"),
    Column("products", ARRAY(Text), nullable=False),
    _instant("effective_at"),
    _instant("recorded_at"),
    Column("fact_position", BigInteger, nullable=False, comment="append_position of its facts, 0 for a timer."),
    Column("about", Text, nullable=False, comment="What it is about within the partner; empty: the partner."),
    Column("data", LargeBinary, nullable=False, comment="The bytes of its JSON; never rewritten."),
    PrimaryKeyConstraint("position", name="compliance_event_pkey"),
    UniqueConstraint("event_id", name="compliance_event_event_id_key"),
    Index(
        "compliance_event_openings_idx",
        text("((effective_at AT TIME ZONE 'Europe/London')::date)"),
        "partner_id",
        postgresql_where=text("type = 'com.sage.partnercloud.replacement-window-opened.v1'"),
    ),
    Index("compliance_event_partner_idx", "partner_id", "position"),
    Index("compliance_event_type_idx", "type", "position"),
    Index("compliance_event_fact_idx", "fact_position", "position", postgresql_where=text("fact_position > 0")),
    comment="The log of compliance events: append-only, gapless.",
)

_AHEAD: Final = "It lay ahead when the row was written: it begins if no fact comes before."

standing = Table(
    "standing",
    metadata,
    _id("partner_id"),
    _id("product"),
    _instant("valid_from"),
    Column("valid_to", DateTime(timezone=True), comment="Exclusive; null: until a fact comes."),
    Column("status", Text, nullable=False),
    Column("headcount", Integer, nullable=False),
    Column("minimum", Integer),
    Column("shortfall", Integer),
    Column("body", LargeBinary, nullable=False, comment="The JSON members of the answer that follow `position`."),
    Column("since", DateTime(timezone=True), comment="Since when the status holds; null: it never was another."),
    Column("reason_rule", Text, nullable=False, comment="The first reason: its rule."),
    Column("reason_text", Text, nullable=False, comment="The first reason: its sentence."),
    _id("lost_consultant_id", nullable=True, comment="Who ceased to count last, and does not count."),
    Column("lost_at", DateTime(timezone=True), comment="When it ceased to count."),
    Column("ahead", Boolean, nullable=False, comment=_AHEAD),
    PrimaryKeyConstraint("partner_id", "product", "valid_from", name="standing_pkey"),
    Index("standing_status_idx", "status", "partner_id", "product", postgresql_where=text("NOT ahead")),
    Index("standing_ahead_idx", "status", "valid_from", "partner_id", "product", postgresql_where=text("ahead")),
    Index(
        "standing_suspended_idx",
        text("since DESC"),
        "partner_id",
        "product",
        postgresql_include=["valid_from", "valid_to"],
        postgresql_where=text("status = 'suspended'"),
    ),
    comment="The present standing and those that follow if no fact comes: right by the clock without a timer.",
)

_BY_DEADLINE: Final = ("deadline_at", "partner_id", "product", "number")

replacement_window = Table(
    "replacement_window",
    metadata,
    _id("partner_id"),
    _id("product"),
    Column("number", Integer, nullable=False, comment="From 1, in opening order."),
    _instant("opened_at"),
    Column("deadline_on", Date, nullable=False),
    _instant("deadline_at"),
    Column("closed_at", DateTime(timezone=True), comment="May lie in the future."),
    Column("closed_outcome", Text, comment="The outcome from closed_at on; null while it is null."),
    _id("policy_id", comment="The policy that set its days."),
    Column("ahead", Boolean, nullable=False, comment=_AHEAD),
    PrimaryKeyConstraint("partner_id", "product", "number", name="replacement_window_pkey"),
    Index("replacement_window_deadline_idx", *_BY_DEADLINE, postgresql_where=text("NOT ahead")),
    Index("replacement_window_outcome_idx", "closed_outcome", *_BY_DEADLINE, postgresql_where=text("NOT ahead")),
    Index("replacement_window_closing_idx", "closed_at", postgresql_where=text("closed_at IS NOT NULL AND NOT ahead")),
    Index("replacement_window_ahead_idx", "opened_at", *_BY_DEADLINE, postgresql_where=text("ahead")),
    Index("replacement_window_opened_idx", "opened_at", "partner_id", postgresql_where=text("NOT ahead")),
    CheckConstraint("(closed_at IS NULL) = (closed_outcome IS NULL)", name="replacement_window_closed_check"),
    comment="Every replacement window; whether it is open at an instant follows from its instants.",
)

_TIMES: Final = "The instants at which it begins and ends, in turn."

consultant_link = Table(
    "consultant_link",
    metadata,
    _id("partner_id"),
    _id("consultant_id"),
    Column("linked", ARRAY(DateTime(timezone=True)), nullable=False, comment=_TIMES),
    Column("counting", ARRAY(DateTime(timezone=True)), nullable=False, comment=_TIMES),
    PrimaryKeyConstraint("partner_id", "consultant_id", name="consultant_link_pkey"),
    Index("consultant_link_consultant_idx", "consultant_id", "partner_id"),
    comment="Everybody who was ever linked to a partner, and when it counts there.",
)

consultant_certification = Table(
    "consultant_certification",
    metadata,
    _id("consultant_id"),
    _id("product"),
    _id("partner_id", comment="A partner where the person ever counts; the rows of all these agree."),
    Column("certified", ARRAY(DateTime(timezone=True)), nullable=False, comment=_TIMES),
    PrimaryKeyConstraint("consultant_id", "product", "partner_id", name="consultant_certification_pkey"),
    comment="When people are certified for each product.",
)

maintenance_duty = Table(
    "maintenance_duty",
    metadata,
    _id("consultant_id"),
    _id("product"),
    _id("portal_change_id"),
    _id("partner_id", comment="A partner where the person ever counts; the rows of all these agree."),
    Column("due_on", Date, nullable=False),
    Column("owed", ARRAY(DateTime(timezone=True)), nullable=False, comment=_TIMES),
    Column("owed_until", DateTime(timezone=True), comment="The last end; null: without end, if no fact comes."),
    PrimaryKeyConstraint("consultant_id", "product", "portal_change_id", "partner_id", name="maintenance_duty_pkey"),
    Index(
        "maintenance_duty_owed_idx",
        "due_on",
        "portal_change_id",
        "consultant_id",
        "product",
        "partner_id",
        postgresql_where=text("owed_until IS NULL"),
    ),
    Index("maintenance_duty_until_idx", "owed_until", postgresql_where=text("owed_until IS NOT NULL")),
    comment="When people owe the maintenance that a portal change asks for.",
)


def _parts_of(name: str) -> Index:
    """The index that finds ids by a part of them; it holds every id as soon as it is added."""
    table = name.removesuffix("_id")
    return Index(
        f"mentioned_{table}_parts_idx",
        text(f"certification.parts(lower({name}))"),
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )


mentioned_partner = Table(
    "mentioned_partner",
    metadata,
    _id("partner_id"),
    PrimaryKeyConstraint("partner_id", name="mentioned_partner_pkey"),
    _parts_of("partner_id"),
    comment="Every partner that has a standing.",
)

mentioned_consultant = Table(
    "mentioned_consultant",
    metadata,
    _id("consultant_id"),
    PrimaryKeyConstraint("consultant_id", name="mentioned_consultant_pkey"),
    _parts_of("consultant_id"),
    comment="Everybody whom a fact names that is applied for every partner.",
)

policy_revision = Table(
    "policy_revision",
    metadata,
    Column("position", BigInteger, nullable=False, autoincrement=False, comment="That of the fact."),
    _id("fact_id"),
    _id("policy_id"),
    _instant("effective_at"),
    Column("voided_position", BigInteger, comment="The position of its void; null: it stands."),
    PrimaryKeyConstraint("position", name="policy_revision_pkey"),
    comment="Revisions of the policy, as far as facts are applied for any partner.",
)

timer = Table(
    "timer",
    metadata,
    _id("partner_id"),
    _instant("due_at"),
    PrimaryKeyConstraint("partner_id", name="timer_pkey"),
    Index("timer_due_idx", "due_at", "partner_id"),
    comment="The next instant at which time alone changes or announces something for a partner.",
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("held_by", Text, nullable=False),
    _instant("beat_at"),
    Column("trouble", Text, comment="Why it does not get on; null: it does."),
    PrimaryKeyConstraint("held_by", name="heartbeat_pkey"),
    comment="The followers that live, by process.",
)
