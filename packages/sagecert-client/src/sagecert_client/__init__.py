"""A typed client of Sage Partner Certification: calls are values, sent by `Client` or `AsyncClient`."""

from sagecert_client.async_client import AsyncClient
from sagecert_client.client import Client
from sagecert_client.problem import Refused, SagecertError, Unreachable, Unreadable
from sagecert_client.request import OMITTED, FeedRequest, FileRequest, LinesRequest, ListRequest, PagedRequest, Request
from sagecert_client.retries import Retries

__all__ = [
    "OMITTED",
    "AsyncClient",
    "Client",
    "FeedRequest",
    "FileRequest",
    "LinesRequest",
    "ListRequest",
    "PagedRequest",
    "Refused",
    "Request",
    "Retries",
    "SagecertError",
    "Unreachable",
    "Unreadable",
]
