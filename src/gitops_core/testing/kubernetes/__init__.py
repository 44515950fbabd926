"""
A Kubernetes API server in this process, for tests: :class:`FakeCluster`.

It speaks HTTP to the official client and to ``kubectl``, and answers without a socket, too. What it does not do it refuses with 501;
``docs/reference/fake-cluster.md`` lists that. ``server_side_apply`` is its field management, usable alone.
"""

from gitops_core.testing.kubernetes.admission import Admission, AdmissionRequest, Denied
from gitops_core.testing.kubernetes.cluster import FakeCluster
from gitops_core.testing.kubernetes.http import HttpRequest, HttpResponse, HttpStream
from gitops_core.testing.kubernetes.requests import Request, RequestLog
from gitops_core.testing.kubernetes.settings import ClusterSettings

__all__ = [
    "Admission",
    "AdmissionRequest",
    "ClusterSettings",
    "Denied",
    "FakeCluster",
    "HttpRequest",
    "HttpResponse",
    "HttpStream",
    "Request",
    "RequestLog",
]
