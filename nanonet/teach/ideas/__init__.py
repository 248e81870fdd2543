"""Ideas made visible, each a small program whose numbers are computed when it is asked for."""
