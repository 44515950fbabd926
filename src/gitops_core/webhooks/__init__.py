"""
What forges tell about pushes: checked, and read.

``verifying`` is one delivery, from bytes to a :class:`Push`; ``signing`` proves the sender; ``deliveries`` knows replays; ``payloads``
reads the forges' documents; ``receiver`` serves paths, through ``wsgi`` or ``asgi``.
"""

from gitops_core.webhooks.asgi import asgi_app
from gitops_core.webhooks.deliveries import Deliveries
from gitops_core.webhooks.pushes import Kind, Push, RefChange
from gitops_core.webhooks.receiver import Hook, Receiver
from gitops_core.webhooks.signing import sign
from gitops_core.webhooks.verifying import Checks, verify
from gitops_core.webhooks.wsgi import wsgi_app

__all__ = ["Checks", "Deliveries", "Hook", "Kind", "Push", "Receiver", "RefChange", "asgi_app", "sign", "verify", "wsgi_app"]
