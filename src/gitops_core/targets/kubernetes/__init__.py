"""Kubernetes objects as a target."""
