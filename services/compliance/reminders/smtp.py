"""Hands one mail in at a mail server. It blocks, and runs in a thread."""

import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from threading import Timer
from typing import Any, Final

from services.compliance.reminders.settings import MailServer

STEP_SECONDS_MAX: Final = 10.0
"""How long the server may say nothing."""
MAIL_SECONDS_MAX: Final = 120.0
"""How long a mail may take, whatever the server says meanwhile; a lease lasts longer."""


class NotHandedIn(Exception):
    """The server did not take the mail, or not certainly. The text holds no password."""


def hand_in(server: MailServer, message: EmailMessage) -> tuple[str, ...]:
    """Returns once the server has taken the mail, with the recipients that it refuses. Raises `NotHandedIn`."""
    try:
        connection = _connected(server)
        try:
            if server.user is not None:
                connection.login(server.user, server.password or "")
            refused = connection.send_message(message)
            with suppress(smtplib.SMTPException, OSError, ValueError):
                connection.quit()  # the mail is taken, whatever the server says now
        finally:
            connection.close()
    except smtplib.SMTPAuthenticationError as problem:
        raise NotHandedIn(f"{server.host} refuses the name and password ({problem.smtp_code})") from None
    except smtplib.SMTPRecipientsRefused as problem:
        raise NotHandedIn(
            f"{server.host} refuses every recipient, such as {next(iter(problem.recipients))}"
        ) from problem
    except (smtplib.SMTPException, OSError, ValueError) as problem:
        raise NotHandedIn(f"{server.host}: {str(problem)[:300] or type(problem).__name__}") from problem
    return tuple(refused)


class _Connection(smtplib.SMTP):
    """A connection that is broken off after `MAIL_SECONDS_MAX`; a server can keep it busy without end."""

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        """As of `smtplib.SMTP`, which calls it when it is made."""
        self._deadline = Timer(MAIL_SECONDS_MAX, self._break_off)
        self._deadline.daemon = True
        self._deadline.start()
        try:
            return super().connect(host, port, source_address)
        except BaseException:
            self._deadline.cancel()
            raise

    def close(self) -> None:
        """As of `smtplib.SMTP`."""
        self._deadline.cancel()
        super().close()

    def _break_off(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class _TlsConnection(_Connection, smtplib.SMTP_SSL):
    pass


def _connected(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.tls:
        return _TlsConnection(server.host, server.port, timeout=STEP_SECONDS_MAX, context=context)
    connection = _Connection(server.host, server.port, timeout=STEP_SECONDS_MAX)
    try:
        if server.starttls:
            connection.starttls(context=context)
    except BaseException:
        connection.close()
        raise
    return connection
