"""Asks what a report would change before it is recorded: whether it would be accepted, and for whom it matters."""

from typing import Any, Final, NamedTuple

from services.console.report_forms import Call
from services.console.service_questions import Json, Panel, Questions, Refused, panel_of

PARTNERS_MAX: Final = 50
"""How many partners a page of a preview compares."""
_CHECK: Final = "/certification/v1/batches?validate_only=true&show_facts=true"


class Preview(NamedTuple):
    """`changes`: the preview of the services, or why there is none. `repeated`: the same is recorded already.

    `held`: it would wait for its registration, attempt or portal change.
    """

    changes: Panel
    repeated: bool
    held: bool


async def preview_of(ask: Questions, call: Call, key: str, after: str | None = None) -> Preview:
    """What the call would change; `after`: of the page before. Raises `Refused` if it would be refused."""
    line = {"path": call.path, "idempotency_key": key, "body": call.body}
    checked: Json = await ask.post(_CHECK, line, media_type="application/x-ndjson")
    if checked["status"] >= 400:
        raise Refused(checked["status"], checked["body"])
    facts: list[dict[str, Any]] = checked.get("facts") or []
    if not facts:
        return Preview(Panel(None, None), repeated=True, held=False)
    page = {"limit": PARTNERS_MAX} if after is None else {"limit": PARTNERS_MAX, "after": after}
    # The report can be recorded without it: a preview that takes too long is not a refusal.
    changes = await panel_of(ask.post("/compliance/v1/previews", {"facts": facts, **page}))
    return Preview(changes, repeated=False, held=checked["status"] == 202)
