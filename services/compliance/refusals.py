"""What every refusal of the compliance service says; the API answers each with a problem."""


class Refusal(Exception):
    """Nothing is done. `detail`: why, and what to do; `parameter`: the part of the call that is meant.

    `rule`: the id of the rule that refused, where one did.
    """

    rule: str | None = None

    def __init__(self, detail: str, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.parameter = parameter


class NeverMentioned(Refusal):
    """No fact known by then mentions the id."""


class InvalidQuery(Refusal):
    """The parameters contradict each other, or name what there is not."""


class KnownInTheFuture(Refusal):
    """`known_at` lies after now."""
