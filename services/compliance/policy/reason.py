"""A reason of an answer: a rule, a sentence and the facts behind it."""

import msgspec


class Reason(msgspec.Struct, frozen=True):
    """The rule, a sentence, and the ids of the facts behind it. Field names are those of the API."""

    rule: str
    text: str
    fact_ids: tuple[str, ...] = ()
