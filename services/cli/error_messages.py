"""What each failure says to whoever typed the command. Loaded once something has failed."""

import re
from collections.abc import Iterator
from typing import Final

import asyncpg
import psycopg
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import DBAPIError

from services.certification.app import WrongKindOfDatabase
from services.certification.domain.refusals import Unavailable
from services.host.embedded_postgres import CannotStart
from services.host.migrate import OtherKind

_FIELD: Final = re.compile(r'field "([^"]+)"')
_LISTS: Final = {
    "products": "SAGECERT_PRODUCTS",
    "webhook_keys": "SAGECERT_COMPLIANCE_WEBHOOK_KEYS",
    "webhook_networks": "SAGECERT_COMPLIANCE_WEBHOOK_NETWORKS",
}
"""The settings that are written as JSON, by field."""

NOT_MIGRATED: Final = "This database is not at this version: run sagecert migrate first, as its owner."


def sentence(problem: Exception) -> str | None:
    """One sentence, or None for a failure that nobody foresaw."""
    match problem:
        case CannotStart() | OtherKind() | WrongKindOfDatabase():
            return str(problem)
        case ValidationError():
            return " ".join(_settings(problem))
        case SettingsError():
            field = _FIELD.search(str(problem))
            name = f"The setting {_LISTS.get(field[1], field[1])}" if field else "A setting"
            return f'{name} cannot be used: a list is written as JSON, such as ["one", "another"].'
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedFunction() | psycopg.errors.InvalidSchemaName():
            return NOT_MIGRATED
        case Unavailable():
            return "The database cannot be used: it does not answer, or sagecert migrate has not been run on it."
        case DBAPIError(orig=psycopg.Error() as original):
            return sentence(original)
        case psycopg.Error() | asyncpg.PostgresError() | asyncpg.InterfaceError() | ConnectionError():
            return f"The database cannot be used: {_first_line(problem)}"
        case OSError():
            return f"{problem.filename or 'The system'} cannot be used: {problem.strerror}."
        case _:
            return None


def _settings(problem: ValidationError) -> Iterator[str]:
    """What is missing or does not fit, by the name that it has in the environment."""
    part = problem.title.removesuffix("Settings").upper()
    part = "COMPLIANCE" if part in ("FOLLOWER", "DISPATCHER") else part
    prefix = "SAGECERT_" if part == "SYSTEM" else f"SAGECERT_{part}_"
    for error in problem.errors():
        name = str(error["loc"][0])
        if name.islower():
            name = prefix + name.upper()
        if name == "SAGECERT_OWNER_DATABASE_URL":
            name += " (or DATABASE_URL)"
        if error["type"] == "missing":
            yield f"The setting {name} is missing."
        else:
            yield f"The setting {name} cannot be used: {error['msg'].removeprefix('Value error, ')}."


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
