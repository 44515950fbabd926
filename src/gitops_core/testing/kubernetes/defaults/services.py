"""Defaults of services: types, ports, and the addresses and ports that the server gives out."""

from __future__ import annotations

from typing import Final

from gitops_core.testing.kubernetes.defaults.filling import Object, each, filled
from gitops_core.testing.kubernetes.world import World

_FIRST_NODE_PORT: Final = 30_000
_NODE_PORTS: Final = 2_768
_AFFINITY_SECONDS: Final = 10_800


def service(value: Object) -> Object:
    """Return a Service with its defaults."""
    spec = filled(value.get("spec"), type="ClusterIP", sessionAffinity="None")
    spec = each(spec, "ports", _port)
    if spec["sessionAffinity"] == "ClientIP":
        spec = filled(spec, sessionAffinityConfig={"clientIP": {"timeoutSeconds": _AFFINITY_SECONDS}})
    if spec["type"] != "ExternalName":
        spec = filled(spec, internalTrafficPolicy="Cluster")
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        spec = filled(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        spec = filled(spec, allocateLoadBalancerNodePorts=True)
    return {**value, "spec": spec, "status": filled(value.get("status"), loadBalancer={})}


def _port(value: Object) -> Object:
    target = value.get("targetPort")
    return {**filled(value, protocol="TCP"), "targetPort": target if target not in {None, 0, ""} else value.get("port")}


def addressed(value: Object, world: World, before: Object | None) -> Object:
    """Return a Service with the addresses and ports that the server gives out; what was given out *before* stays."""
    spec, known = value["spec"], (before or {}).get("spec") or {}
    if spec["type"] == "ExternalName":
        return value
    made = filled(spec, ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    address = spec.get("clusterIP") or known.get("clusterIP") or _new_address(world)
    made |= {"clusterIP": address, "clusterIPs": [address, *(spec.get("clusterIPs") or known.get("clusterIPs") or [])[1:]]}
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        ports = {(port.get("port"), port.get("protocol")): port.get("nodePort") for port in known.get("ports") or ()}
        made = each(
            made, "ports", lambda port: filled(port, nodePort=ports.get((port["port"], port["protocol"])) or _new_port(world))
        )
    return {**value, "spec": made}


def _new_address(world: World) -> str:
    number = world.number() % 65_000 + 256
    return f"10.96.{number // 256}.{number % 256}"


def _new_port(world: World) -> int:
    return _FIRST_NODE_PORT + world.number() % _NODE_PORTS
