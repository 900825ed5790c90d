"""What the audit trail refuses."""

from services.web.refusal import Refusal


class NotSealed(Refusal):
    """It is not sealed yet, or no checkpoint that counts covers it."""


class NoSuchTile(Refusal):
    """The log has no tile or bundle of this name."""


class NoSuchFact(Refusal):
    """No fact of this id was ever recorded."""
