"""Commands to paste into a shell, each with a caption about its answer."""

from datetime import date, timedelta
from typing import NamedTuple


class Command(NamedTuple):
    """`path`: below /compliance/v1, with its query."""

    caption: str
    path: str


def questions(seeded_on: date, *, live: bool) -> list[Command]:
    """Questions about a story whose present day is `seeded_on`.

    `live`: it is still that day, and nothing else was recorded. Otherwise the questions ask as of the beginning of
    that day, whose answers stay the same for ever (R31).
    """
    end, before = f"{seeded_on.isoformat()}T00:00:00Z", seeded_on - timedelta(days=9)
    then = () if live else (f"at={end}", f"known_at={end}")
    noon = f"{before.isoformat()}T12:00:00Z"
    deadline = (seeded_on + timedelta(days=2)).isoformat()
    return [
        Command(
            f"Harbour lost Dora and must replace her by {deadline}",
            _path("partners/harbour/compliance/S200P", *then),
        ),
        Command(
            "Old Mill replaced nobody in time and is suspended: it may not sell to new customers",
            _path("partners/oldmill/authorisations/S200P", "customer=new", *then),
        ),
        Command("Cedar is suspended ...", _path("partners/cedar/compliance/S200P", *then)),
        Command(
            f"... though at noon on {before.isoformat()} it counted as compliant, by what was known then",
            _path("partners/cedar/compliance/S200P", f"at={noon}", f"known_at={noon}"),
        ),
        Command(
            "... and is known now to have been suspended already",
            _path("partners/cedar/compliance/S200P", f"at={noon}", *then[1:]),
        ),
        Command(
            "Jude's certification has lapsed: maintenance for a portal change was due and is not complete",
            _path("consultants/jude/certifications/S200S", *then),
        ),
        Command(
            "What made Northgate what it is, in order; Ben is certified from his exam on, by a correction of his score",
            _path("partners/northgate/timeline", *then),
        ),
        Command("Who has a replacement to find, soonest deadline first", _path("windows", "status=open", *then)),
        Command("The suspensions, as subscribers receive them", "events?type=selling-suspended"),
    ]


def commands(origin: str, key: str | None, seeded_on: date, *, live: bool) -> str:
    """The commands with their captions, as they are shown."""
    curl = "curl -s" + (' -H "Authorization: Bearer $SAGECERT_API_KEY"' if key else "")
    shown = "# Paste these; with | python3 -m json.tool the answers read better."
    again, outcome = "", "the window is closed"
    if not live:
        shown += f" They ask about {seeded_on.isoformat()}, the present day of the story."
        again, outcome = ", without its query", "Olga is counted"
    asked = [
        f"# {caption}\n{curl} '{origin}/compliance/v1/{path}'" for caption, path in questions(seeded_on, live=live)
    ]
    joiner = f"""# Let Harbour hire Olga, who is certified, and ask the first question again{again}: {outcome}
{curl} '{origin}/certification/v1/partners/harbour/consultants' -H 'Idempotency-Key: mine-1' \\
  -H 'Content-Type: application/json' -d '{{"consultant_id": "olga"}}'"""
    return "\n".join(("", shown, *asked, joiner, ""))


def _path(path: str, *query: str) -> str:
    return "?".join((path, "&".join(query))) if query else path
