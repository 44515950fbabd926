"""Pure decisions: what is wanted and what is there go in, a plan comes out."""
