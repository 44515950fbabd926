"""How files become resources."""
