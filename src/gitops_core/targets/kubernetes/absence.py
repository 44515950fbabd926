"""What the Kubernetes API does not keep: declared empty values that are absent from the live object and still as declared."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.targets.kubernetes.managed_fields import Claims

_MAPS: Final = frozenset({
    "labels", "annotations", "matchLabels", "nodeSelector", "data", "binaryData", "stringData", "limits", "requests", "parameters",
    "hard", "capacity", "overhead", "matchExpressions",
})  # fmt: skip
"""Maps: an empty one is none. Of other objects an empty one says something: ``emptyDir: {}``, ``podSelector: {}``."""

_ZEROES: Final = frozenset({
    "hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "readOnly", "paused", "publishNotReadyAddresses", "namespace",
    "workingDir", "subPath", "subPathExpr", "hostIP", "hostPort", "clusterIP", "sessionAffinity", "schedulerName", "hostname",
    "subdomain", "serviceAccountName", "nodeName", "priorityClassName", "minReadySeconds", "volumeName", "externalName",
    "loadBalancerIP", "initialDelaySeconds", "host", "value", "nodePort", "medium", "apiGroup", "key", "operator", "effect", "globalDefault", "prefix",
})  # fmt: skip
"""
Fields that the API drops when they are false, 0 or "". Others are kept, and absent means something else:
``allowPrivilegeEscalation``, ``automountServiceAccountToken``, ``storageClassName``, ``optional``, ``replicas``.

Source: the answers of kube-apiserver 1.36. Needed only for what we have not applied yet: then ``managedFields`` tells.
"""


def vanishes(declared: Any, field: str, claims: Claims) -> bool:
    """
    Tell whether *declared*, of which nothing is live, is none the less as declared.

    A field that we applied, that is still ours and is not there was dropped by the API, whatever it is called.

    Args:
        declared: The value; only empty and zero values vanish.
        field: Its name.
        claims: On it.
    """
    if declared is None:
        return True
    if isinstance(declared, list):
        return not declared
    if isinstance(declared, dict) and declared:
        return all(vanishes(value, name, claims.field(name)) for name, value in declared.items())
    if isinstance(declared, dict):
        return field in _MAPS or claims.has_ours
    return not declared and (field in _ZEROES or claims.has_ours)
