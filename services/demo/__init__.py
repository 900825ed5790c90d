"""A story to explore: a few partners over half a year, told to a sandbox over HTTP as it would have been learned."""

from services.demo.telling import Caller, CallFailed, Told, tell

__all__ = ["CallFailed", "Caller", "Told", "tell"]
