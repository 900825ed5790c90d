"""Why the server cannot be started."""


class CannotStart(Exception):
    """One sentence for the person at the terminal: the obstacle and the remedy."""
