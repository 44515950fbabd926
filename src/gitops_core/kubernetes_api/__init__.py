"""The way to a Kubernetes API server: one narrow transport with plain JSON values, its errors, its kinds and its watches."""
