"""Why a system does not start without a key."""


class NoKeyYet(Exception):
    """Other machines could reach the system, and no key lets any caller in."""
