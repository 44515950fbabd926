"""How several engines agree on who takes part: in one process, on Leases of a Kubernetes cluster, on PostgreSQL."""
