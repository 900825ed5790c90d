"""The refusals of the audit trail."""

from services.web.refusal import Refusal


class NotSealed(Refusal):
    """It is not sealed yet, or no valid checkpoint covers it."""


class NoSuchTile(Refusal):
    """The log has no tile or bundle of this name."""


class NotWhatWasSealed(Refusal):
    """The log, or a tile of it, is not what was sealed."""


class TooManyExports(Refusal):
    """Too many exports are being made."""


class NoSuchFact(Refusal):
    """No fact of this id was ever recorded."""
