"""Calls about health. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import FileRequest, Request, path_of
from sagecert_client.types import audit as audit_types
from sagecert_client.types import certification as certification_types
from sagecert_client.types import compliance as compliance_types


def certification_alive() -> Request[certification_types.Health]:
    """The process answers.

    `GET /certification/healthz`
    """
    return Request(method="GET", path=path_of("/certification/healthz"))


def certification_ready() -> Request[certification_types.Health]:
    """Facts can be recorded; 503 with the reason where they cannot.

    `GET /certification/readyz`
    """
    return Request(method="GET", path=path_of("/certification/readyz"))


def compliance_processes() -> Request[compliance_types.ProcessesAnswer]:
    """The followers and dispatchers heard of within an hour, and the versions of what answers.

    `GET /compliance/v1/processes`
    """
    return Request(method="GET", path=path_of("/compliance/v1/processes"))


def compliance_alive() -> Request[dict[str, str]]:
    """The process answers.

    `GET /compliance/healthz`
    """
    return Request(method="GET", path=path_of("/compliance/healthz"))


def compliance_ready() -> Request[compliance_types.Readiness]:
    """The database answers and the projection and deliveries get on; how far the projection is behind the
    log.

    `GET /compliance/readyz`
    """
    return Request(method="GET", path=path_of("/compliance/readyz"))


def compliance_processes_table() -> FileRequest:
    """The followers and dispatchers heard of within an hour, and the versions of what answers. As a table:
    the whole list, in CSV (RFC 4180).

    `GET /compliance/v1/processes.csv`
    """
    return FileRequest(method="GET", path=path_of("/compliance/v1/processes.csv"))


def audit_alive() -> Request[audit_types.Alive]:
    """The process answers.

    `GET /audit/healthz`
    """
    return Request(method="GET", path=path_of("/audit/healthz"))


def audit_ready() -> Request[audit_types.Readiness]:
    """A sealer gets on; 503 with the reason if none does.

    `GET /audit/readyz`
    """
    return Request(method="GET", path=path_of("/audit/readyz"))
