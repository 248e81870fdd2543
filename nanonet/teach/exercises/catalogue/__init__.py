"""The exercises, a file for each topic: every file has a list EXERCISES."""
