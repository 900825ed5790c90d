"""The report: for people, the verdict first; for programs, JSON."""

import json
from collections.abc import Iterator

from sagecert_verify.finding import HEADLINES, PARTNER_HEADLINES
from sagecert_verify.verification import Report


def as_text(report: Report) -> str:
    """For people. The first line is the verdict."""
    return "\n".join(_lines(report)) + "\n"


def as_json(report: Report) -> str:
    """For programs: one object, in one line."""
    finding = report.finding
    value = {
        "status": int(report.status),
        "verdict": _headline(report),
        "finding": None
        if finding is None
        else {
            "sentence": finding.sentence,
            "log": finding.log or None,
            "position": finding.position,
            "rule": finding.rule or None,
            "fact_ids": list(finding.fact_ids),
        },
        "partner_id": report.partner_id,
        "sizes": report.sizes,
        "derived": {
            "facts": report.checked.facts,
            "decisions": report.checked.decisions,
            "events": report.checked.events,
            "claims": report.checked.claims,
            "unpublished_events": report.checked.unpublished,
            "events_of_earlier_engines": report.checked.kept,
            "claims_of_earlier_engines": report.checked.kept_claims,
        },
        "notes": list(report.notes),
    }
    return json.dumps(value) + "\n"


def _headline(report: Report) -> str:
    return (HEADLINES if report.partner_id is None else PARTNER_HEADLINES)[report.status]


def _lines(report: Report) -> Iterator[str]:
    finding, checked = report.finding, report.checked
    if finding is None:
        yield f"{int(report.status)}: {_headline(report)}"
    else:
        place = f" at position {finding.position} of {finding.log}" if finding.position is not None else ""
        yield f"{int(report.status)}: {_headline(report)}{place}"
        yield f"{_printable(finding.sentence)}."
        if finding.rule:
            yield f"Rule: {finding.rule}"
        if finding.fact_ids:
            yield f"Facts: {_printable(', '.join(finding.fact_ids))}"
    for name, size in report.sizes.items():
        yield f"{name}: {size} entries"
    if report.partner_id is not None:
        yield f"Partner: {_printable(report.partner_id)}"
    elif finding is None:
        yield (
            f"Derived again from {checked.facts} facts: "
            f"{checked.decisions} decisions, {checked.events} compliance events, {checked.claims} claims"
        )
    yield from map(_printable, report.notes)


def _printable(text: str) -> str:
    """What a file says cannot move the cursor of a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
