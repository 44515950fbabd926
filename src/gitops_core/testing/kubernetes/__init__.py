"""A Kubernetes cluster for tests, in this process."""
