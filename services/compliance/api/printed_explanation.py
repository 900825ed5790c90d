"""An explanation as a page to print: without scripts, with nothing from elsewhere, every value escaped."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

_STYLE: Final = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""The page has one style, which is named by its digest, and nothing else."""

_PAGE: Final = Markup(
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
    "<style>{style}</style></head>\n<body><main><h1>{title}</h1>\n"
    "<p>Status <strong>{status}</strong>: selling to new customers is {new}, maintaining existing ones is {existing}. "
    "Headcount {headcount}, minimum {minimum}, shortfall {shortfall}.</p>\n"
    "<p>True at <code>{at}</code>, judged from what was known at <code>{known_at}</code> (position {position}). "
    "If no fact comes, this changes next at <code>{next_change_at}</code>.</p>\n{sections}</main></body></html>\n"
)


_PROOFS: Final = Markup(
    "<h2>What is sealed of them</h2>\n<p>Of each fact the exact text that was sealed, and a proof (C2SP tlog-proof) "
    "that this text is in the log of the signed checkpoint at its end. <code>sagecert-verify</code> checks this page, "
    "saved as it is, without this system.</p>\n{}"
)
_PROOF: Final = Markup('<h3>Position {}: {}</h3>\n<pre class="entry">{}</pre>\n<pre class="tlog-proof">{}</pre>\n')


def printed_explanation(answer: Mapping[str, Any]) -> bytes:
    """The page of an answer, which is given as its JSON."""
    shown = {
        name: _or_none(answer[name])
        for name in ("at", "known_at", "position", "headcount", "minimum", "shortfall", "next_change_at")
    }
    return _PAGE.format(
        title=f"Why {answer['partner_id']} stands as it does for {answer['product']}",
        style=Markup(_STYLE),  # a constant of this module
        status=answer["status"].replace("_", " "),
        new=_allowed(answer["sell_new"]),
        existing=_allowed(answer["maintain_existing"]),
        sections=Markup("").join(_sections(answer)),
        **shown,
    ).encode()


def _sections(answer: Mapping[str, Any]) -> Iterable[Markup]:
    yield _table("Why", ("Rule", "Argument", "Facts"), map(_reason, answer["steps"]))
    yield _table(
        "What would mend it",
        ("Rule", "Remedy", "In time before"),
        ((remedy["rule"], remedy["text"], _or_none(remedy["before"])) for remedy in answer["remedies"]),
    )
    counted = ((person["consultant_id"], person["since"], _ids(person["fact_ids"])) for person in answer["counted"])
    yield _table("Who counts", ("Consultant", "Since", "Facts"), counted, answer["counted_omitted"])
    yield _table("Who was lost", ("Rule", "How", "Facts"), map(_reason, answer["lost"]), answer["lost_omitted"])
    linked = ((consultant_id,) for consultant_id in answer["linked_only"])
    yield _table("Linked, but not counted", ("Consultant",), linked, answer["linked_only_omitted"])
    facts = (
        (fact["position"], fact["type"], fact["effective_at"], fact["recorded_at"], fact["actor"], fact["fact_id"])
        for fact in answer["facts"]
    )
    yield _table("The facts", ("Position", "Type", "True from", "Recorded", "By", "Id"), facts)
    proved = [fact for fact in answer["facts"] if fact["tlog_proof"] is not None]
    if proved:
        yield _PROOFS.format(Markup("").join(_proof(fact) for fact in proved))
    yield _table("Facts without their proof here", ("Why",), ((why,) for why in answer["unproved"]))


def _proof(fact: Mapping[str, Any]) -> Markup:
    return _PROOF.format(fact["position"], fact["fact_id"], fact["entry"], fact["tlog_proof"])


def _reason(reason: Mapping[str, Any]) -> tuple[object, ...]:
    return reason["rule"], reason["text"], _ids(reason["fact_ids"])


def _table(heading: str, columns: Iterable[str], rows: Iterable[Iterable[object]], omitted: int = 0) -> Markup:
    """A table under a heading; nothing if it has no rows."""
    lines = [_row(row) for row in rows]
    if not lines:
        return Markup("")
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(column) for column in columns)
    more = Markup("<p>And {} more.</p>\n").format(omitted) if omitted else Markup("")
    table = Markup("<h2>{}</h2>\n<table><thead><tr>{}</tr></thead><tbody>\n{}</tbody></table>\n")
    return table.format(heading, head, Markup("").join(lines)) + more


def _row(cells: Iterable[object]) -> Markup:
    return Markup("<tr>{}</tr>\n").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in cells))


def _ids(fact_ids: Iterable[str]) -> str:
    return ", ".join(fact_ids)


def _or_none(value: object) -> object:
    return "none" if value is None else value


def _allowed(allowed: bool) -> str:
    return "allowed" if allowed else "not allowed"
