"""Second derivatives, and forward mode beside reverse mode."""
