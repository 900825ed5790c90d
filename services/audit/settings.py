"""Settings of the audit trail, from the environment, built once in a composition root."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, AliasChoices, Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.audit.note import COSIGNATURE, VerifierKey
from services.web.setting_types import PRODUCTS, DatabaseUrl, Products

WITNESSES_MAX: Final = 16


def _check_witness_key(text: str) -> str:
    """Raises `ValueError`."""
    if VerifierKey.parse(text).kind != COSIGNATURE:
        raise ValueError("the verifier key of a witness is one for cosignatures (type 0x04)")
    return text


class Witness(BaseSettings):
    """A witness that is asked for cosignatures. `key`: its verifier key. `url`: its submission prefix."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, AfterValidator(_check_witness_key)]
    url: HttpUrl


class AuditSettings(BaseSettings):
    """Prefixed `SAGECERT_AUDIT_`.

    `database_url`: where the logs are. `database_role`: taken on after connecting, where the login is another.
    `database_schema`: that of the compliance log. `directory`: holds the signing key, the verifier keys and the latest
    checkpoints, outside the database. `witnesses`: asked to cosign; `quorum`: how many must, before a checkpoint counts
    (default: all of them).
    """

    model_config = SettingsConfigDict(
        env_prefix="SAGECERT_AUDIT_", frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    database_url: DatabaseUrl
    database_role: str | None = None
    database_schema: str = "compliance"
    database_connections_max: int = Field(default=5, ge=1)
    directory: Path = Path(".data/audit")
    witnesses: Annotated[tuple[Witness, ...], Field(max_length=WITNESSES_MAX)] = ()
    quorum: int | None = Field(default=None, ge=0)
    products: Products = PRODUCTS
    sandbox: bool = Field(default=False, validation_alias="SAGECERT_SANDBOX")

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """The verifier keys of the witnesses."""
        return tuple(VerifierKey.parse(witness.key) for witness in self.witnesses)

    @property
    def cosignatures_min(self) -> int:
        """How many witnesses must have cosigned a checkpoint that counts."""
        return min(len(self.witnesses) if self.quorum is None else self.quorum, len(self.witnesses))


class SealerSettings(AuditSettings):
    """Settings of the sealer: those of the audit trail, with its own database role."""

    database_url: DatabaseUrl = Field(validation_alias=AliasChoices("SAGECERT_SEALER_DATABASE_URL"))
    database_role: str | None = Field(default=None, validation_alias="SAGECERT_SEALER_DATABASE_ROLE")
