"""A story to explore: a few partners over half a year, told to a sandbox over HTTP as it would have been learned."""

from services.demo.commands import commands
from services.demo.telling import Caller, CallFailed, Told, tell, told_on

__all__ = ["CallFailed", "Caller", "Told", "commands", "tell", "told_on"]
