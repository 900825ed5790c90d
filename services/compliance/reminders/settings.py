"""Settings of reminders by e-mail. Without an address of a mail server there are none."""

from ipaddress import ip_address
from typing import NamedTuple, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_PORTS = {"smtp": 587, "smtps": 465}


class MailServer(NamedTuple):
    """`tls`: from the first byte. `starttls`: required before any other command."""

    host: str
    port: int
    tls: bool
    starttls: bool
    user: str | None
    password: str | None


class MailSettings(BaseSettings):
    """Prefixed `SAGECERT_MAIL_`.

    `url`: the mail server, as `smtps://USER:PASSWORD@HOST:PORT`, or `smtp://…`, which demands STARTTLS of any host but
    loopback; None: no reminders. `sender` and `recipients`: the addresses.
    """

    model_config = SettingsConfigDict(
        env_prefix="SAGECERT_MAIL_", frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    url: SecretStr | None = None
    sender: str | None = Field(default=None, pattern=r"^[!-~]{1,64}@[!-?A-~]{1,255}$")
    recipients: tuple[str, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """A mistake is reported at the start, not by the first reminder."""
        if self.url is None:
            return self
        _ = self.server
        if self.sender is None or not self.recipients:
            raise ValueError("SAGECERT_MAIL_URL needs SAGECERT_MAIL_SENDER and SAGECERT_MAIL_RECIPIENTS")
        if any("@" not in address or any(character <= " " for character in address) for address in self.recipients):
            raise ValueError("SAGECERT_MAIL_RECIPIENTS is a JSON list of addresses")
        return self

    @property
    def server(self) -> MailServer:
        """Where mails are handed in. Raises `ValueError`; the text does not contain the password."""
        parts = urlsplit(self.url.get_secret_value() if self.url else "")
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("SAGECERT_MAIL_URL is smtps://USER:PASSWORD@HOST:PORT or smtp://HOST:PORT")
        tls = parts.scheme == "smtps"
        named = [None if part is None else unquote(part) for part in (parts.username, parts.password)]
        return MailServer(
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            tls,
            not (tls or _is_loopback(parts)),
            named[0],
            named[1],
        )


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
