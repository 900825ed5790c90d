"""Postpones imports and models that a start does not need.

`sagecert up` and its processes ask for it before they load anything else; it takes a fifth off the start.
"""

import os
import sys
import warnings

_UNUSED = "pydantic.v1"
"""FastAPI compares every annotation with this package, and skips the comparison where it cannot be imported."""


def load_only_what_is_needed() -> None:
    """Every pydantic model made from now on is built when it is first used: FastAPI's of OpenAPI are fifty.

    Pydantic does not search the installed packages for plugins, here and in child processes.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from pydantic import BaseModel, ConfigDict
    from pydantic.warnings import UnsupportedFieldAttributeWarning

    BaseModel.model_config = ConfigDict(defer_build=True)
    warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)  # as FastAPI does while it builds a model
    if _UNUSED not in sys.modules:
        sys.modules[_UNUSED] = None  # type: ignore[assignment]  # the documented way to let an import fail
