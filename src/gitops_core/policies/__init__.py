"""What may object to a change."""
