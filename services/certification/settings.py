"""Settings of the certification service, from the environment, built once in a composition root."""

from typing import Final

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.web.setting_types import (
    PRODUCTS,
    READERS_MAX,
    READERS_PER_CALLER_MAX,
    DatabaseUrl,
    Products,
    ReadersMax,
    ReadersPerCallerMax,
)

TRUTHY: Final = frozenset({"1", "on", "t", "true", "y", "yes"})


class CertificationSettings(BaseSettings):
    """Prefixed `SAGECERT_CERTIFICATION_`; what concerns the whole system is `SAGECERT_` alone.

    `database_url`: where the fact log is. `database_role`: taken on after connecting, where the login is another.
    `call_seconds_max`: how long a call may wait for the database before it is answered 503.
    `products`: what is sold (R2). `feed_readers_max`: how many streams and long polls may be open, in all and of one
    caller.
    `sandbox`: whether the clock can be set; settled for ever by the first start on a database.
    """

    model_config = SettingsConfigDict(
        env_prefix="SAGECERT_CERTIFICATION_", frozen=True, extra="ignore", populate_by_name=True
    )

    database_url: DatabaseUrl
    database_role: str | None = None
    database_connections_max: int = Field(default=8, ge=2)
    call_seconds_max: float = Field(default=5.0, gt=0)
    products: Products = PRODUCTS
    feed_readers_max: ReadersMax = READERS_MAX
    feed_readers_per_caller_max: ReadersPerCallerMax = READERS_PER_CALLER_MAX
    sandbox: bool = Field(default=False, validation_alias="SAGECERT_SANDBOX")
    library_db_functions: str = Field(default="", validation_alias="POSTGRES_ENABLE_DB_FUNCTIONS")

    @field_validator("library_db_functions")
    @classmethod
    def _off(cls, value: str) -> str:
        """The switch drops the lock that makes the order of positions the order of commits."""
        if value.strip().lower() in TRUTHY:
            raise ValueError("POSTGRES_ENABLE_DB_FUNCTIONS must not be set: followers of the log would miss facts")
        return value
