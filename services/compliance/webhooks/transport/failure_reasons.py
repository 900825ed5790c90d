"""Why a request failed, in words for the operator of the receiver."""

import os
import socket
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp

from services.compliance.webhooks.transport.connections import AnswerTooLong
from services.compliance.webhooks.transport.resolver import RefusedAddress

_UNTRUSTED: Final = "the certificate was not issued by an authority that is trusted here"
_NOT_FOR_THE_HOST: Final = "the certificate is not for this host"
_CERTIFICATES: Final[Mapping[int, str]] = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed",
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    23: "the certificate was revoked",
    62: _NOT_FOR_THE_HOST,
    64: _NOT_FOR_THE_HOST,
}
"""Descriptions by OpenSSL's verification code."""


def describe(error: Exception) -> str | None:
    """The failure in one short sentence; null: no receiver can have caused it."""
    match error:
        case aiohttp.ClientConnectorError(os_error=RefusedAddress() as refused):
            return refused.strerror
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as wrong):
            return _CERTIFICATES.get(wrong.verify_code) or f"the certificate was refused: {wrong.verify_message}"
        case aiohttp.ClientConnectorDNSError():
            return "the name does not resolve"
        case aiohttp.ClientConnectorError(os_error=ssl.SSLError() as wrong) | (ssl.SSLError() as wrong):
            return f"no TLS connection: {(wrong.reason or 'it broke').lower().replace('_', ' ')}"
        case aiohttp.ClientConnectorError(os_error=wrong):
            return _connecting(wrong)
        case aiohttp.ClientPayloadError():
            return "the connection broke within the answer"
        case AnswerTooLong() | aiohttp.ClientResponseError():
            return "the answer is not proper HTTP/1.1, or its headers are too large"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before an answer"
        case aiohttp.ClientConnectionError() | OSError() | RuntimeError():
            return "the connection broke before an answer"
        case _:
            return None


def _connecting(error: OSError) -> str:
    match error:
        case ConnectionRefusedError():
            return "the connection was refused"
        case socket.gaierror():
            return "the name does not resolve"
        case OSError(errno=int(number)) if number > 0:
            return f"no connection: {os.strerror(number).lower()}"
        case _:
            return "no connection"
