"""Why the server cannot be started."""


class CannotStart(Exception):
    """One sentence for whoever started it: what is in the way and what helps."""
