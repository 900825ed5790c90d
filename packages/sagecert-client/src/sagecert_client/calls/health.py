"""Calls about health. Written by `python -m tests.client.generator --write`; do not edit."""

from sagecert_client.request import ListRequest, Request
from sagecert_client.types import audit as audit_types
from sagecert_client.types import certification as certification_types
from sagecert_client.types import compliance as compliance_types


def certification_alive() -> Request[certification_types.Health]:
    """The process answers."""
    return Request.of("GET /certification/healthz", locals())


def certification_ready() -> Request[certification_types.Health]:
    """Facts can be recorded; 503 with the reason where they cannot."""
    return Request.of("GET /certification/readyz", locals())


def compliance_alive() -> Request[dict[str, str]]:
    """The process answers."""
    return Request.of("GET /compliance/healthz", locals())


def compliance_ready() -> Request[compliance_types.Readiness]:
    """The database answers and the projection and deliveries make progress; how far the projection is behind the
    log.
    """
    return Request.of("GET /compliance/readyz", locals())


def compliance_processes() -> ListRequest[compliance_types.ProcessesAnswer]:
    """The followers and dispatchers with a heartbeat within the last hour, the versions, and the policy."""
    return ListRequest.of("GET /compliance/v1/processes", locals())


def audit_alive() -> Request[audit_types.Alive]:
    """The process answers."""
    return Request.of("GET /audit/healthz", locals())


def audit_ready() -> Request[audit_types.Readiness]:
    """A sealer makes progress; 503 with the reason if none does, or the database does not answer in time."""
    return Request.of("GET /audit/readyz", locals())
