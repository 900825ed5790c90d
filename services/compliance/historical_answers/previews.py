"""What facts would change, for whom, if they were recorded now: a page of the partners that they concern."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, moment_of
from services.compliance.historical_answers.questions import AsOfMembers, HypotheticalFact, Preview
from services.compliance.policy.answers_from_facts import CertificationAnswer
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.preview import (
    PartnerPreview,
    PersonPreview,
    PreviewedEvent,
    ProductPreview,
    partner_preview,
    person_previews,
)
from services.compliance.policy.revised_partners import Revision
from services.compliance.read_model.hypothetical_facts import HypotheticalFacts
from services.compliance.read_model.names import consultant_names, partner_names
from services.compliance.read_model.revision_candidates import partners_to_revise
from services.compliance.read_model.routing import mentioned_partners, revisions
from shared.events.envelope import Fact
from shared.events.facts import POLICY, TOPICS, products_of

FACTS_MAX: Final = 20_000
"""A page ends after this number of known facts, so that it is answered in time."""
PEOPLE_MAX: Final = 20
"""So many of the people whom the facts name are compared."""
_PARTNERS_TOGETHER: Final = 8
_COUNT: Final = "SELECT count(DISTINCT partner_id) FROM standing"


class PreviewedPartner(msgspec.Struct, frozen=True):
    """What would change for a partner. `name`: null if it is unknown or erased. `events`: in order."""

    partner_id: str
    name: str | None
    products: tuple[ProductPreview, ...]
    events: tuple[PreviewedEvent, ...]


class PreviewedPerson(msgspec.Struct, frozen=True):
    """A certification whose answer would change. `name`: null if it is unknown or erased."""

    consultant_id: str
    name: str | None
    product: str
    before: CertificationAnswer
    after: CertificationAnswer


class PreviewAnswer(Answer, frozen=True, kw_only=True):
    """Which answers and announcements would change if the facts were recorded at `at`, after `position`.

    `partners_concerned`: how many partners they can concern; `everybody`: every partner, about that number.
    `partners_compared`: how many of these this page compares; it lists those for which something differs. `people`: of
    the people whom the facts name, the first 20. `next`: the `after` of the next page; null: there is none.
    """

    everybody: bool
    partners_concerned: int
    partners_compared: int
    partners: tuple[PreviewedPartner, ...]
    people: tuple[PreviewedPerson, ...]
    next: str | None


async def preview(connection: Connection, question: Preview, parameters: Parameters) -> bytes:
    """The page after a partner. Raises `EngineNotInstalled`."""
    _, moment = await moment_of(connection, AsOfMembers(), parameters)
    facts = _facts(question.facts, moment.position, moment.at)
    hypothetical = await HypotheticalFacts.of(connection, facts, moment.position)
    named = await hypothetical.partners(connection)
    concerned = len(named)
    candidates = [partner_id for partner_id in named if partner_id > question.after]
    if hypothetical.everybody:
        more = await _everybody(connection, hypothetical, question, moment.position, parameters)
        candidates = sorted({*candidates, *more})
        concerned = max(concerned, await connection.fetchval(_COUNT))
    page = candidates[: question.limit]
    compared, found = await _compare(connection, hypothetical, page, moment.at, parameters)
    people = () if question.after else await _people(connection, hypothetical, moment.at, parameters)
    named_partners = await partner_names(connection, [change.partner_id for change in found])
    named_people = await consultant_names(connection, {change.consultant_id for change in people})
    answer = PreviewAnswer(
        **moment.members,
        everybody=hypothetical.everybody,
        partners_concerned=concerned,
        partners_compared=compared,
        partners=tuple(
            PreviewedPartner(change.partner_id, named_partners.get(change.partner_id), change.products, change.events)
            for change in found
        ),
        people=tuple(
            PreviewedPerson(
                change.consultant_id,
                named_people.get(change.consultant_id),
                change.product,
                change.before,
                change.after,
            )
            for change in people
        ),
        next=page[compared - 1] if compared < len(candidates) else None,
    )
    return msgspec.json.encode(answer)


def _facts(supposed: Sequence[HypotheticalFact], position: int, at: datetime) -> list[Fact]:
    """The facts as they would be recorded: a reported fact and the decisions that follow from it together."""
    causes = [fact.causation_id or fact.fact_id for fact in supposed]
    last = {cause: number for number, cause in enumerate(causes, position + 1)}
    return [
        Fact(
            fact_id=fact.fact_id,
            effective_at=fact.effective_at or at,
            recorded_at=at,
            data=msgspec.json.decode(fact.data, type=TOPICS[fact.type]),
            position=number,
            append_position=last[cause],
            causation_id=fact.causation_id,
        )
        for number, (fact, cause) in enumerate(zip(supposed, causes, strict=True), position + 1)
    ]


async def _everybody(
    connection: Connection, hypothetical: HypotheticalFacts, question: Preview, position: int, parameters: Parameters
) -> list[str]:
    """The first partners after `after` where a portal change or the policy can matter, one more than the page has."""
    after, partners_max = question.after, question.limit + 1
    if len(hypothetical.facts) > 1 or not hypothetical.about[0].stream.startswith(POLICY.prefix):
        return await mentioned_partners(connection, after, partners_max)
    revised = Revision([*await revisions(connection, position), *hypothetical.facts], parameters)
    return await partners_to_revise(
        connection, after, position, revised.kinds, revised.kept_programmes, revised.days, partners_max
    )


async def _compare(
    connection: Connection,
    hypothetical: HypotheticalFacts,
    partner_ids: Sequence[str],
    at: datetime,
    parameters: Parameters,
) -> tuple[int, list[PartnerPreview]]:
    """How many of the partners were compared within the bounds, one at least, and what differs for them."""
    found: list[PartnerPreview] = []
    compared = loaded = 0
    while compared < len(partner_ids) and loaded < FACTS_MAX:
        together = partner_ids[compared : compared + _PARTNERS_TOGETHER]
        for partner_id, routed in (await hypothetical.of_partners(connection, together)).items():
            loaded += len(routed.known)
            differs = partner_preview(routed.known, routed.hypothetical, partner_id, at, parameters)
            found += [] if differs is None else [differs]
        compared += len(together)
    return compared, found


async def _people(
    connection: Connection, hypothetical: HypotheticalFacts, at: datetime, parameters: Parameters
) -> list[PersonPreview]:
    products: dict[str, set[str]] = {}
    for fact, about in zip(hypothetical.facts, hypothetical.about, strict=True):
        if about.consultant_id is not None:
            products.setdefault(about.consultant_id, set()).update(products_of(fact.data) or parameters.products)
    found: list[PersonPreview] = []
    for consultant_id in list(products)[:PEOPLE_MAX]:
        routed = await hypothetical.of_person(connection, consultant_id)
        asked = [product for product in parameters.products if product in products[consultant_id]]
        found += person_previews(routed.known, routed.hypothetical, consultant_id, asked, at, parameters)
    return found
