"""What the audit trail refuses."""

from services.web.refusal import Refusal


class NotSealed(Refusal):
    """It is not sealed yet, or no checkpoint that counts covers it."""


class NoSuchTile(Refusal):
    """The log has no tile or bundle of this name."""


class NotWhatWasSealed(Refusal):
    """The log, or a tile of it, is not what was sealed."""


class TooManyExports(Refusal):
    """As many exports are being made as may be."""


class NoSuchFact(Refusal):
    """No fact of this id was ever recorded."""
