"""Settings of the compliance service, from the environment, built once in a composition root."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ComplianceSettings(BaseSettings):
    """Prefixed `SAGECERT_COMPLIANCE_`.

    `database_url`: where the fact log and the read model are. `database_role`: taken on after
    connecting, where the login is another. `database_schema`: the schema of the read model.
    """

    model_config = SettingsConfigDict(
        env_prefix="SAGECERT_COMPLIANCE_", frozen=True, extra="ignore", populate_by_name=True
    )

    database_url: SecretStr
    database_role: str | None = None
    database_schema: str = "compliance"
    database_connections_max: int = Field(default=10, ge=1)
