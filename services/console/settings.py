"""Settings of the console, from the environment, built once in a composition root."""

from typing import Final

from cryptography.fernet import Fernet
from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.web.setting_types import PublicNames

SESSION_HOURS: Final = 12


class ConsoleSettings(BaseSettings):
    """Prefixed `SAGECERT_CONSOLE_`.

    `services_url`: the origin in front of the services, for a console that runs as a process of its own.
    `session_keys`: Fernet keys that seal the cookies of sessions; the first seals, all open. Without any, a key is made
    at the start, so a restart ends all sessions. `session_hours`: after how long people sign in again.
    `question_seconds_max`: the deadline of each question to a service. `questions_max`: how many are asked at the same
    time, for all pages together. `public_names`: with a dot, by which visitors without a key may call it.
    """

    model_config = SettingsConfigDict(
        env_prefix="SAGECERT_CONSOLE_", frozen=True, extra="ignore", populate_by_name=True
    )

    services_url: HttpUrl | None = None
    session_keys: tuple[SecretStr, ...] = ()
    session_hours: int = Field(default=SESSION_HOURS, ge=1, le=24 * 31)
    question_seconds_max: float = Field(default=10.0, gt=0, le=60)
    questions_max: int = Field(default=32, ge=1)
    public_names: PublicNames = ()

    @field_validator("session_keys")
    @classmethod
    def _keys_seal(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        """A malformed key is an error of the start, not of the first visitor."""
        for key in keys:
            Fernet(key.get_secret_value())
        return keys
