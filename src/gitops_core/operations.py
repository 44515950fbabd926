"""The six things an embedder does with an application."""
