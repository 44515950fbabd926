"""Effects: the one place that calls plug-ins, waits, retries and starts threads."""
