"""The process that keeps the projection up: `sagecert compliance work`."""

from services.compliance.projection.follower import Follower
from services.compliance.settings import ComplianceSettings


async def run(settings: ComplianceSettings) -> None:
    """Follows the fact log until cancelled. Any number of these may run at once."""
    await Follower(settings).run()
