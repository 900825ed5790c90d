"""The page to print that proves how a partner stands: the argument, the arithmetic, the facts and their proofs."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from services.console.page import Page, page
from services.console.questions import Refused, path

PROOFS_MAX: Final = 10
"""Facts whose proof a page has; each is a question. For the others it says where the proof is."""

_HEADING: Final = "c2sp.org/tlog-proof@v1"


class Proof(NamedTuple):
    """A proof of inclusion (C2SP tlog-proof): the place of the fact, the hashes up to the root, and the checkpoint."""

    place: str
    hashes: tuple[str, ...]
    checkpoint: str


async def proof(shown: Page) -> Response:
    """Why the partner stands as it does for the product, and what proves each fact of it."""
    partner_id, product = shown.path["partner_id"], shown.path["product"]
    address = path("/audit/v1/explanations/partners/{}/{}", partner_id, product)
    about = path("/compliance/v1/partners/{}/standings", partner_id)
    found = await shown.ask.together(
        explained=shown.ask.get(address, **shown.view.params),
        standings=shown.ask.panel(about, limit=1, **shown.view.params),
    )
    explained, standings = found["explained"], found["standings"].data or {"name": None, "people": ()}
    names = {person["consultant_id"]: person["name"] for person in standings["people"] if person["name"]}
    facts = explained["facts"]
    shown_facts = _most_telling(explained)
    texts = await asyncio.gather(*(_text(shown, fact["proof"]) for fact in shown_facts))
    proofs = {fact["fact_id"]: parsed_proof(text) for fact, text in zip(shown_facts, texts, strict=True)}
    checkpoints = list(dict.fromkeys(found.checkpoint for found in proofs.values() if found))
    return shown.render(
        "proof.html",
        partner_id=partner_id,
        name=standings["name"] or partner_id,
        names={**names, partner_id: standings["name"] or partner_id},
        product=product,
        explained=explained,
        address=address,
        facts=facts,
        numbers={fact["fact_id"]: number for number, fact in enumerate(facts, 1)},
        proofs=proofs,
        checkpoints=checkpoints,
    )


def _most_telling(explained: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those facts first that the windows and the losses rest on, then the others, in log order."""
    told = [fact_id for part in ("windows", "lost") for item in explained[part] for fact_id in item["fact_ids"]]
    first = dict.fromkeys(told)
    facts: list[Mapping[str, Any]] = explained["facts"]
    return sorted(facts, key=lambda fact: fact["fact_id"] not in first)[:PROOFS_MAX]


async def _text(shown: Page, address: str) -> str:
    """The proof; empty where the fact is not sealed yet, or the key does not allow to ask."""
    try:
        return await shown.ask.text(address)
    except Refused:
        return ""


def parsed_proof(text: str) -> Proof | None:
    """The parts of a proof; None: it is none."""
    if not text.startswith(_HEADING):
        return None
    head, _, checkpoint = text.partition("\n\n")
    index, *hashes = head.splitlines()[1:] or [""]
    return Proof(index.removeprefix("index "), tuple(hashes), checkpoint.strip())


ROUTES: Final = (page("/partners/{partner_id}/proof/{product}", proof),)
