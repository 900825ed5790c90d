"""Hands one mail in at a mail server. It blocks, and runs in a thread."""

import smtplib
import ssl
from email.message import EmailMessage
from typing import Final

from services.compliance.reminders.settings import MailServer

STEP_SECONDS_MAX: Final = 10.0
"""For each answer of the server; a mail takes eight of them."""


class NotHandedIn(Exception):
    """The server did not take the mail, or not certainly. The text holds no password."""


def hand_in(server: MailServer, message: EmailMessage) -> None:
    """Returns once the server has taken the mail for every recipient that it accepts. Raises `NotHandedIn`."""
    try:
        with _connected(server) as connection:
            if server.user is not None:
                connection.login(server.user, server.password or "")
            connection.send_message(message)
    except smtplib.SMTPAuthenticationError as problem:
        raise NotHandedIn(f"{server.host} refuses the name and password ({problem.smtp_code})") from None
    except smtplib.SMTPRecipientsRefused as problem:
        raise NotHandedIn(
            f"{server.host} refuses every recipient, such as {next(iter(problem.recipients))}"
        ) from problem
    except (smtplib.SMTPException, OSError, ValueError) as problem:
        raise NotHandedIn(f"{server.host}: {str(problem)[:300] or type(problem).__name__}") from problem


def _connected(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=STEP_SECONDS_MAX, context=context)
    connection = smtplib.SMTP(server.host, server.port, timeout=STEP_SECONDS_MAX)
    try:
        if server.starttls:
            connection.starttls(context=context)
    except BaseException:
        connection.close()
        raise
    return connection
