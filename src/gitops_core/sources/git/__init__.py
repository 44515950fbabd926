"""
Git repositories as a source.

``source`` is what you import; ``references`` and ``semver`` say what a reference means; ``repository`` is what sources share;
``remotes``, ``http``, ``ssh``, ``daemon`` and ``local`` are the transports; ``store``, ``packs`` and ``cache`` keep objects on
disk; ``listing``, ``links`` and ``names`` make a tree of them that is safe to read; ``history`` knows who touched a path last;
``translation`` turns what others throw into our errors. dulwich is loaded when a source is first used.
"""

from gitops_core.sources.git.credentials import Basic, Bearer, Credentials
from gitops_core.sources.git.settings import GitLimits, Ssh, Transport
from gitops_core.sources.git.source import GitSource

__all__ = ["Basic", "Bearer", "Credentials", "GitLimits", "GitSource", "Ssh", "Transport"]
