"""
A small CRUD-and-list service to build fakes of vendors' APIs from: plain dicts, no HTTP, everything on a clock.

``service`` is the API; ``settings`` says how it behaves; ``errors`` is what its client throws; ``foreign`` is somebody else.
``admission``, ``records``, ``pages``, ``operations`` and ``requests`` are its parts.
"""

from gitops_core.testing.fake_api.errors import (
    ApiError,
    ConflictError,
    ExistsError,
    ExpiredError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    UnavailableError,
)
from gitops_core.testing.fake_api.foreign import Foreign
from gitops_core.testing.fake_api.operations import Operation, OperationState
from gitops_core.testing.fake_api.pages import Page
from gitops_core.testing.fake_api.requests import Request
from gitops_core.testing.fake_api.service import FakeApi
from gitops_core.testing.fake_api.settings import ApiSettings, Paging, RateLimit, Record, States, Takes, Verb

__all__ = [
    "ApiError",
    "ApiSettings",
    "ConflictError",
    "ExistsError",
    "ExpiredError",
    "FakeApi",
    "Foreign",
    "InvalidError",
    "NotFoundError",
    "Operation",
    "OperationState",
    "Page",
    "Paging",
    "RateLimit",
    "Record",
    "Request",
    "States",
    "Takes",
    "ThrottledError",
    "UnavailableError",
    "Verb",
]
