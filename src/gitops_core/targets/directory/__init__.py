"""A tree of files as a target."""

from gitops_core.targets.directory.target import DirectoryTarget as DirectoryTarget

__all__ = ["DirectoryTarget"]
