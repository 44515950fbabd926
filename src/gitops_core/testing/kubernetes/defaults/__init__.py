"""
The defaults that the server writes into objects of built-in kinds. Objects are not changed; new ones are made.

``pods`` and ``workloads`` are what runs, ``services`` is the network, ``others`` the rest. Source: the Kubernetes API reference, and
what a 1.36 server answers.
"""

from gitops_core.testing.kubernetes.defaults.dispatch import defaulted, prepared

__all__ = ["defaulted", "prepared"]
