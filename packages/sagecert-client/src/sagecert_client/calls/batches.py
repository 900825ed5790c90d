"""Calls about batches. Written by `python -m tests.client.generator --write`; do not edit."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from sagecert_client.request import LinesRequest


def record_batch(
    *,
    lines: Iterable[Mapping[str, Any]],
    validate_only: Literal["true", "false"] | None = None,
    show_facts: Literal["true", "false"] | None = None,
    history: Literal["true", "false"] | None = None,
) -> LinesRequest[dict[str, Any]]:
    """Records a fact for each line, in order; a refused line does not stop the others."""
    return LinesRequest.of("POST /certification/v1/batches", locals(), body="lines")
