"""Cut a run at every call that leaves the process, start anew, and compare."""
