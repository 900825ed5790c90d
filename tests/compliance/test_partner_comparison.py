"""A partner at a moment beside the present: three answers, and what happened since."""

import httpx
import pytest

from shared.events.wire import instant_text
from tests.compliance.asking import ORIGIN, answer, ask
from tests.compliance.test_partner_changes import ASKED, BEGIN, DAY, NOW, client

__all__ = ["client"]

PARTNER = f"{ORIGIN}/compliance/v1/partners/P1"
SUMMARY = ("product", "status", "sell_new", "maintain_existing", "headcount", "minimum", "shortfall")


def _summaries(standing: dict[str, object]) -> list[dict[str, object]]:
    products = standing["products"]
    assert isinstance(products, list)
    return [{name: product[name] for name in SUMMARY} for product in products]


@pytest.mark.parametrize(
    "moment",
    [
        {"at": instant_text(ASKED), "known_at": instant_text(ASKED)},
        {"at": instant_text(BEGIN + 20 * DAY), "known_position": "7"},
        {"at": instant_text(ASKED)},
        {"known_at": instant_text(ASKED + 2 * DAY)},
        {"at": instant_text(NOW + 40 * DAY)},
        {},
    ],
)
async def test_each_of_the_three_is_what_its_own_answer_says(client: httpx.AsyncClient, moment: dict[str, str]) -> None:
    """As of an instant of the past, what was known then, what is known now, and how it stands today."""
    found = await answer(client, f"{PARTNER}/comparison", happened=200, **moment)
    present = {"at": found["now"]["at"], "known_position": found["now"]["position"]}
    then = {**moment, "at": found["then"]["at"], "known_position": found["then"]["position"]}
    then.pop("known_at", None)
    alone = await answer(client, PARTNER, **then)
    assert {**found["then"], "known_at": alone["known_at"]} == alone
    hindsight = await answer(client, PARTNER, at=found["hindsight"]["at"], known_position=found["now"]["position"])
    assert found["hindsight"]["products"] == _summaries(hindsight)
    assert found["hindsight"]["at"] == found["then"]["at"]
    assert found["now"]["products"] == _summaries(await answer(client, PARTNER, **present))
    timeline = await answer(client, f"{PARTNER}/timeline", limit=1000, **present)
    assert found["happened"] == [entry for entry in timeline["entries"] if entry["at"] > found["then"]["at"]]
    assert not found["happened_more"]


async def test_what_happened_is_bounded_and_says_so(client: httpx.AsyncClient) -> None:
    since = {"at": instant_text(BEGIN)}
    whole = await answer(client, f"{PARTNER}/comparison", happened=200, **since)
    assert len(whole["happened"]) > 1
    first = await answer(client, f"{PARTNER}/comparison", happened=1, **since)
    assert (first["happened"], first["happened_more"]) == (whole["happened"][:1], True)
    none = await answer(client, f"{PARTNER}/comparison", **since)
    assert (none["happened"], none["happened_more"]) == ([], False)


async def test_before_it_was_known_there_is_no_answer_for_then(client: httpx.AsyncClient) -> None:
    found = await answer(client, f"{PARTNER}/comparison", known_at=instant_text(BEGIN - DAY))
    assert found["then"] is None
    assert found["now"]["products"] != []
    assert (await ask(client, f"{ORIGIN}/compliance/v1/partners/nobody/comparison")).status_code == 404
    assert (await ask(client, f"{PARTNER}/comparison", happened=201)).status_code == 422
    assert (await ask(client, f"{PARTNER}/comparison", known_at="2099-01-01T00:00:00Z")).status_code == 422
