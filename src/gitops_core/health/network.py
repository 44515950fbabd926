"""Service and Ingress."""

from __future__ import annotations

from gitops_core.health.observed import Observed, healthy, progressing
from gitops_core.model.health import Health


def service(observed: Observed) -> Health:
    """A load balancer has an address; every other type is well at once."""
    if observed.text("/spec/type") != "LoadBalancer":
        return healthy()
    if not observed.text("/spec/clusterIP"):
        return progressing("NoIPAssigned", "no cluster IP yet")
    return _balanced(observed)


def ingress(observed: Observed) -> Health:
    """Its load balancer has an address."""
    return _balanced(observed)


def _balanced(observed: Observed) -> Health:
    if any(observed.items("/status/loadBalancer/ingress")):
        return healthy()
    return progressing("NoAddress", "the load balancer has no address yet", settled=True)  # kstatus does not wait for it
