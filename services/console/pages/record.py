"""Record a fact: by form, after a preview of what it would change; and take it back."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from services.console.page import Page, form, page
from services.console.previews import Preview, preview_of
from services.console.questions import Json, Refused, path
from services.console.report_forms import FORMS, GROUPS, POLICY_REVISION, VOID, ReportForm
from services.console.what_if import what_if

_NO_SUCH: Final = {"title": "There is no such form", "detail": "No fact of this kind is recorded here."}

Values = dict[str, Sequence[str]]


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
    """What was typed: shown with what it would change, shown again to be changed, or recorded."""
    report = _form(shown)
    values: Values = {field.name: [text.strip() for text in shown.form_all(field.name)] for field in report.all_fields}
    key = shown.form.get("idempotency_key") or shown.new_idempotency_key()
    step = shown.form.get("step")
    if step == "change":
        return await _ask_again(shown, report, values, key, None)
    try:
        call = report.call(values)
        if step == "record":
            recorded = await shown.ask.post(call.path, call.body, key=key)
            return shown.redirect(path("/record/facts/{}", recorded["fact_id"]))
        found = await preview_of(shown.ask, call, key, shown.form.get("after") or None)
        held = report is POLICY_REVISION and not found.repeated
        supposed = await what_if(shown.ask, call.body, shown.form.get("what_if_id")) if held else None
    except Refused as refused:
        if refused.status in (401, 403):
            raise
        return await _ask_again(shown, report, values, key, refused)
    return shown.render("record_preview.html", report=report, values=values, key=key, found=found, supposed=supposed)


async def receipt(shown: Page) -> Response:
    """What was recorded, and what taking it back would change."""
    fact: Json = await shown.ask.get(path("/certification/v1/facts/{}", shown.path["fact_id"]))
    key = shown.new_idempotency_key()
    return shown.render("record_receipt.html", fact=fact, undone=await _undone(shown, fact, key), key=key)


async def _undone(shown: Page, fact: dict[str, Any], key: str) -> Preview | None:
    """What a void would change; None: it is void already, or cannot be."""
    if fact["voided"] or fact["causation_id"] is not None:
        return None
    try:
        return await preview_of(shown.ask, VOID.call({"fact_id": [fact["fact_id"]], "reason": ["-"]}), key)
    except Refused as refused:
        if refused.status == 401:
            raise
        return None


async def _ask_again(shown: Page, report: ReportForm, values: Values, key: str, refused: Refused | None) -> Response:
    policy = await shown.ask.panel("/compliance/v1/policy")
    return shown.render(
        "record_form.html",
        status=200 if refused is None else refused.status,
        report=report,
        values=values,
        key=key,
        refused=refused,
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
    programmes = [*((code, code) for code in policy.get("programmes", ())), ("NONE", "None: it leaves")]
    named = {"product": products, "products": products, "programme": programmes}
    return {field.name: list(field.options) or named.get(field.name, []) for field in report.all_fields}


def _unplaced(report: ReportForm, refused: Refused) -> bool:
    """Whether the problem is about no single field."""
    return not any(refused.about(field.name) for field in report.all_fields)


def _form(shown: Page) -> ReportForm:
    found = FORMS.get(shown.path["kind"])
    if found is None:
        raise Refused(404, _NO_SUCH)
    return found


ROUTES: Final = (
    page("/record", forms),
    page("/record/facts/{fact_id}", receipt),
    page("/record/{kind}", fill_in),
    form("/record/{kind}", take),
)
