"""What subscribers hear of a rebuild: nothing, unless the policy changed, and then corrections only."""

import asyncio
from typing import Any

from services.compliance.policy.parameters import Parameters
from services.compliance.projection import rebuild
from services.compliance.projection.rebuild import Rebuilt
from services.compliance.settings import ComplianceSettings
from tests.compliance.log import install
from tests.databases import Database
from tests.webhooks.calling import Caller, calling, seed_events, settings_for
from tests.webhooks.dispatching import dispatching, numbers, received, until_delivered
from tests.webhooks.receiver import Receiver


class Longer(ComplianceSettings):
    """A deployment whose windows last 45 days."""

    @property
    def parameters(self) -> Parameters:
        return Parameters(version="longer", window_days=45)


async def rebuilt(database: Database, kind: type[ComplianceSettings]) -> Rebuilt:
    settings = kind.model_validate({"database_url": database.compliance_url})
    install(database, settings.parameters.version)
    return await asyncio.to_thread(rebuild.run, settings, database.owner_url, verify=False, processes=1)


async def standings(caller: Caller, messages: list[dict[str, Any]]) -> None:
    """Whoever took the messages in order holds what is answered."""
    held = {(one["subject"], each["product"]): each for one in messages for each in one["data"]["standings"]}
    assert {partner for partner, _ in held} == {f"P{number}" for number in range(6)}
    for (partner, product), standing in held.items():
        answer = (await caller.http.get(f"partners/{partner}/compliance/{product}")).json()
        assert {name: answer[name] for name in standing} == standing


async def test_two_rebuilds_send_nothing_and_another_policy_sends_corrections_only(sandbox_database: Database) -> None:
    head = await seed_events(sandbox_database)
    async with Receiver() as receiver, dispatching(sandbox_database):
        async with calling(sandbox_database) as caller:
            endpoint_id = (await caller.register(receiver.url(), start="origin"))["endpoint_id"]
            await until_delivered(caller, endpoint_id)
            await standings(caller, received(receiver.requests))
            for _ in range(2):
                assert (await rebuilt(sandbox_database, ComplianceSettings)).events == head
            await until_delivered(caller, endpoint_id)
            assert numbers(received(receiver.requests)) == [(1, position, position) for position in range(1, head + 1)]

        corrected = await rebuilt(sandbox_database, Longer)

        longer = Longer.model_validate(settings_for(sandbox_database).model_dump())
        async with calling(sandbox_database, longer) as caller:
            await until_delivered(caller, endpoint_id)
            messages = received(receiver.requests)
            last = head + corrected.corrections
            assert numbers(messages) == [(1, position, position) for position in range(1, last + 1)]
            assert corrected.corrections > 0
            assert len({one["id"] for one in messages}) == last
            await standings(caller, messages)
