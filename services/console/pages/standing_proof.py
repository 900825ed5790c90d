"""The page to print that proves how a partner stands: the argument, the arithmetic, the facts and their proofs."""

from typing import Final, NamedTuple

from starlette.responses import Response

from services.console.page import Page, page
from services.console.service_questions import path

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
    proofs = {fact["fact_id"]: parsed_proof(fact["tlog_proof"] or "") for fact in facts}
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


def parsed_proof(text: str) -> Proof | None:
    """The parts of a proof; None: it is none."""
    if not text.startswith(_HEADING):
        return None
    head, _, checkpoint = text.partition("\n\n")
    index, *hashes = head.splitlines()[1:] or [""]
    return Proof(index.removeprefix("index "), tuple(hashes), checkpoint.strip())


ROUTES: Final = (page("/partners/{partner_id}/proof/{product}", proof),)
