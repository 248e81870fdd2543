"""nanonet tour."""
