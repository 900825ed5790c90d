"""Settings of the compliance service, from the environment, built once in a composition root."""

from ipaddress import IPv4Network, IPv6Network
from typing import Final

from pydantic import AliasChoices, Field, IPvAnyNetwork, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.compliance.policy.parameters import Parameters, parameters_for
from services.compliance.webhooks.signing import SecretSealer
from services.web.setting_types import (
    PRODUCTS,
    READERS_MAX,
    READERS_PER_CALLER_MAX,
    DatabaseUrl,
    Products,
    ReadersMax,
    ReadersPerCallerMax,
)
from shared.engine import engine_for

_LOOPBACK: Final = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


class ComplianceSettings(BaseSettings):
    """Prefixed `SAGECERT_COMPLIANCE_`.

    `database_url`: where the fact log and the read model are. `database_role`: taken on after
    connecting, where the login is another. `database_schema`: the schema of the read model.
    `feed_readers_max`: how many streams and long polls may be open, in all and of one caller.
    `answer_processes`: how many answer what replays history; `answer_queue_max`: how many questions wait for them;
    `answer_seconds_max`: how long one may take.
    `claim_queue_max`: how many claims wait to be recorded before further ones are dropped; 0: none is recorded.
    `products`: what is sold (R2), the same for every process of the system. `sandbox`: webhooks may go
    over plain http and to loopback, and are stamped with the sandbox clock, unless `webhook_wall_clock`.
    `webhook_keys`: Fernet keys that seal the secrets of webhook endpoints; the first seals, all open; without any there
    are no webhooks. `webhook_networks`: private or special networks that webhooks may be sent into all the same.
    """

    model_config = SettingsConfigDict(
        env_prefix="SAGECERT_COMPLIANCE_", frozen=True, extra="ignore", populate_by_name=True
    )

    database_url: DatabaseUrl
    database_role: str | None = None
    database_schema: str = "compliance"
    database_connections_max: int = Field(default=10, ge=1)
    answer_processes: int = Field(default=2, ge=1)
    answer_queue_max: int = Field(default=256, ge=1)
    answer_seconds_max: float = Field(default=10.0, gt=0)
    claim_queue_max: int = Field(default=20_000, ge=0)
    products: Products = PRODUCTS
    feed_readers_max: ReadersMax = READERS_MAX
    feed_readers_per_caller_max: ReadersPerCallerMax = READERS_PER_CALLER_MAX
    sandbox: bool = Field(default=False, validation_alias="SAGECERT_SANDBOX")
    webhook_keys: tuple[SecretStr, ...] = ()
    webhook_networks: tuple[IPvAnyNetwork, ...] = ()
    webhook_wall_clock: bool = False

    @field_validator("webhook_keys")
    @classmethod
    def _keys_seal(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        """A malformed key is reported at the start, not by the first secret."""
        if keys:
            SecretSealer(keys)
        return keys

    @property
    def receiver_networks(self) -> tuple[IPvAnyNetwork, ...]:
        """The special networks that webhooks may be sent into: in a sandbox loopback, too."""
        return (*self.webhook_networks, *_LOOPBACK) if self.sandbox else self.webhook_networks

    @property
    def parameters(self) -> Parameters:
        """The policy by which it derives and answers; its version is the id of the engine."""
        return parameters_for(self.products, engine_for(self.products).engine_id)


class FollowerSettings(ComplianceSettings):
    """Settings of the follower: those of compliance, with its own database role.

    `database_url` is that of the service where there is no other.
    """

    database_url: DatabaseUrl = Field(
        validation_alias=AliasChoices("SAGECERT_FOLLOWER_DATABASE_URL", "SAGECERT_COMPLIANCE_DATABASE_URL")
    )
    database_role: str | None = Field(default=None, validation_alias="SAGECERT_FOLLOWER_DATABASE_ROLE")


class DispatcherSettings(ComplianceSettings):
    """Settings of the dispatcher: those of compliance, with its own database role.

    `database_url` is that of the service where there is no other.
    """

    database_url: DatabaseUrl = Field(
        validation_alias=AliasChoices("SAGECERT_DISPATCHER_DATABASE_URL", "SAGECERT_COMPLIANCE_DATABASE_URL")
    )
    database_role: str | None = Field(default=None, validation_alias="SAGECERT_DISPATCHER_DATABASE_ROLE")
