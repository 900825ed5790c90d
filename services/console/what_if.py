"""The partners that would have another standing today if a revision of the policy had always been in force."""

from typing import Any, Final, NamedTuple

from services.console.service_questions import Questions, Refused, path

PATH: Final = "/audit/v1/what-ifs"
ROWS_MAX: Final = 50
_WAIT_SECONDS: Final = 4
_TERMS: Final = ("window_days", "minimum", "programmes")


class WhatIf(NamedTuple):
    """`answer`: how far it has come, with the first differences; or why there is none."""

    answer: dict[str, Any] | None
    problem: Refused | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will be found."""
        return self.answer is None or self.answer["state"] not in ("waiting", "running")


async def what_if(ask: Questions, revision: dict[str, Any], what_if_id: str | None) -> WhatIf | None:
    """The result, or how far it is after some seconds; None: none of its terms changes a standing.

    `revision`: the body of the call that would record it. `what_if_id`: of one that runs already.
    """
    terms: dict[str, Any] = {name: revision[name] for name in _TERMS if name in revision}
    if not terms:
        return None
    try:
        started = {"what_if_id": what_if_id} if what_if_id else await ask.post(PATH, terms)
        about = path(f"{PATH}/{{}}", started["what_if_id"])
        return WhatIf(await ask.get(about, limit=ROWS_MAX, timeout=_WAIT_SECONDS), None)
    except Refused as refused:
        return WhatIf(None, refused)
