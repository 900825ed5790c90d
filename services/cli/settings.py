"""Settings of the whole system, from the environment; each part has further settings."""

from pathlib import Path

import click
from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.host.api_keys.key_text import check_chosen_key
from services.web.setting_types import PRODUCTS, DatabaseUrl, Products, PublicNames


class SystemSettings(BaseSettings):
    """Prefixed `SAGECERT_`.

    `owner_database_url`: the database, as owner of its schemas; also read from `DATABASE_URL`. None: a server of our
    own. `postgres_bin`: the directory of its binaries. `api_key`: the key `bootstrap`, which allows everything; issued
    keys are in the database.
    `public_names`: see `LocalNames`. `sandbox`: whether the clock can be set and everything emptied.
    `products`: what is sold (R2).
    """

    model_config = SettingsConfigDict(
        env_prefix="SAGECERT_", frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    owner_database_url: DatabaseUrl | None = Field(
        default=None, validation_alias=AliasChoices("SAGECERT_OWNER_DATABASE_URL", "DATABASE_URL")
    )
    postgres_bin: Path | None = None
    api_key: SecretStr | None = None
    public_names: PublicNames = ()
    sandbox: bool = False
    products: Products = PRODUCTS

    @property
    def owner_url(self) -> str | None:
        """The owner's database, in plain text."""
        return self.owner_database_url.get_secret_value() if self.owner_database_url else None

    @property
    def required_owner_url(self) -> str:
        """The owner's database, in plain text. Raises `click.ClickException` if it is not set."""
        if self.owner_url is None:
            raise click.ClickException("The setting SAGECERT_OWNER_DATABASE_URL is missing: it names the database.")
        return self.owner_url

    @field_validator("api_key")
    @classmethod
    def _cannot_be_guessed(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            check_chosen_key(key.get_secret_value())
        return key

    @property
    def key(self) -> str | None:
        """The API key, in plain text."""
        return self.api_key.get_secret_value() if self.api_key else None
