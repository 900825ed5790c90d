"""A story to explore: a few partners over half a year, told to a sandbox over HTTP as it would have been learned."""

from services.host.demo.commands import commands
from services.host.demo.seed import Caller, CallFailed, SeedResult, tell, told_on

__all__ = ["CallFailed", "Caller", "SeedResult", "commands", "tell", "told_on"]
