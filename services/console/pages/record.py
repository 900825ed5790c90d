"""Record a fact: by form, after a preview of what it would change; and take it back."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from services.console.dates import code_words
from services.console.fact_words import can_be_taken_back
from services.console.names import names_in
from services.console.page import Page, form, page
from services.console.previews import Preview, preview_of
from services.console.report_forms import FORMS, GROUPS, POLICY_REVISION, VOID, ReportForm
from services.console.service_questions import Json, Refused, path
from services.console.what_if import WhatIf, what_if
from services.console.who_is_meant import KINDS, Meant, known, meant_by

_NO_SUCH: Final = {"title": "There is no such form", "detail": "No fact of this kind is recorded here."}

Values = dict[str, Sequence[str]]
_SUGGESTED: Final = 12
SUGGESTED_FROM: Final = 2
"""Letters that are typed before anybody is suggested."""


async def forms(shown: Page) -> Response:
    """Which facts can be recorded."""
    return shown.render("record.html", groups=GROUPS)


async def fill_in(shown: Page) -> Response:
    """The empty form, or what the address fills in."""
    report = _form(shown)
    values: Values = {
        field.name: [shown.query[field.name]] for field in report.all_fields if shown.query.get(field.name)
    }
    return await _ask_again(shown, report, values, shown.new_idempotency_key(), None)


async def take(shown: Page) -> Response:
    """The form as typed: shown with its changes, shown again for editing, or recorded."""
    report = _form(shown)
    values: Values = {field.name: [text.strip() for text in shown.form_all(field.name)] for field in report.all_fields}
    key = shown.form.get("idempotency_key") or shown.new_idempotency_key()
    step = shown.form.get("step")
    if step == "change":
        return await _ask_again(shown, report, values, key, None)
    try:
        meant = Meant(values, {}, frozenset())
        if step != "record" and report.names_somebody:
            meant = await meant_by(shown.ask, values)
            values = meant.values
        call = report.call(values)
        if step == "record":
            recorded = await shown.ask.post(call.path, call.body, key=key)
            return shown.redirect(path("/record/facts/{}", recorded["fact_id"]))
        found = await preview_of(shown.ask, call, key, shown.form.get("after") or None)
        held = report is POLICY_REVISION and not found.repeated
        supposed = await what_if(shown.ask, call.body, shown.form.get("what_if_id")) if held else None
    except Refused as refused:
        if refused.status == 403:
            raise
        return await _ask_again(shown, report, values, key, refused)
    return shown.render(
        "record_preview.html",
        kept=True,
        report=report,
        values=values,
        key=key,
        found=found,
        supposed=supposed,
        meant=meant,
        names=meant.names | await names_in(shown.ask, _named_in(found, supposed)),
    )


def _named_in(found: Preview, supposed: WhatIf | None) -> list[dict[str, Any]]:
    """Who is shown without a name: those who begin or cease to count, and partners that would have another standing."""
    changes = (found.changes.data or {}).get("partners", ())
    people = [{"consultant_id": moved} for change in changes for part in change["products"] for moved in _moved(part)]
    answer = supposed.answer if supposed else None
    return people + list(answer["differences"] if answer else ())


def _moved(part: dict[str, Any]) -> list[str]:
    moved: list[str] = [*part["lost"], *part["gained"]]
    return moved


async def suggestions(shown: Page) -> Response:
    """Partners or people whose id or name contains what is typed, as options of the field."""
    kind = {"partners": "partner", "people": "person"}.get(shown.path["whom"])
    if kind is None:
        raise Refused(404, _NO_SUCH)
    typed = next((text for text in shown.query.values() if text), "")
    found = await known(shown.ask, kind, typed) if len(typed) >= SUGGESTED_FROM else None
    return shown.render("record_suggestions.html", found=[*(found or {}).items()][:_SUGGESTED])


async def receipt(shown: Page) -> Response:
    """What was recorded, and what taking it back would change."""
    fact: Json = await shown.ask.get(path("/certification/v1/facts/{}", shown.path["fact_id"]))
    key = shown.new_idempotency_key()
    found = await shown.ask.together(undone=_undone(shown, fact, key), names=names_in(shown.ask, (fact,)))
    return shown.render("record_receipt.html", fact=fact, key=key, **found)


async def _undone(shown: Page, fact: dict[str, Any], key: str) -> Preview | None:
    """What a void would change; None: it is void already, or cannot be."""
    if not can_be_taken_back(fact):
        return None
    try:
        return await preview_of(shown.ask, VOID.call({"fact_id": [fact["fact_id"]], "reason": ["-"]}), key)
    except Refused:
        return None


async def _ask_again(shown: Page, report: ReportForm, values: Values, key: str, refused: Refused | None) -> Response:
    policy = await shown.ask.panel("/compliance/v1/policy")
    return shown.render(
        "record_form.html",
        status=200 if refused is None else refused.status,
        kept=shown.request.method == "POST",
        report=report,
        values=values,
        key=key,
        refused=refused,
        kinds=KINDS,
        unplaced=None if refused is None else _unplaced(report, refused),
        options=_options(report, policy.data or {}),
        present=_present(policy.data) if report is POLICY_REVISION and policy.data else {},
    )


def _present(policy: dict[str, Any]) -> dict[str, str]:
    """The terms in force, by field of a revision."""
    minimum = {f"minimum.{kind}": str(least) for kind, least in policy["minimum"].items()}
    lists = {name: " ".join(map(str, policy[name])) for name in ("programmes", "reminder_days")}
    return {"window_days": str(policy["window_days"]), **minimum, **lists}


def _options(report: ReportForm, policy: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """The choices of each field, pairs of value and word."""
    products = [(product, product) for product in policy.get("products", ())]
    programmes = [*((code, code_words(code)) for code in policy.get("programmes", ())), ("NONE", "None: it leaves")]
    named = {"product": products, "products": products, "programme": programmes}
    return {field.name: list(field.options) or named.get(field.name, []) for field in report.all_fields}


def _unplaced(report: ReportForm, refused: Refused) -> bool:
    """Whether the problem is about no single field."""
    return not any(refused.about(field.name) for field in report.all_fields)


def _form(shown: Page) -> ReportForm:
    found = FORMS.get(shown.path["kind"])
    if found is None:
        raise Refused(404, _NO_SUCH)
    shown.refuse_without("admin" if found is POLICY_REVISION else "facts")
    return found


ROUTES: Final = (
    page("/record", forms, needs="facts"),
    page("/record/facts/{fact_id}", receipt),
    page("/record/suggestions/{whom}", suggestions),
    page("/record/{kind}", fill_in),
    form("/record/{kind}", take),
)
