"""A right answer to every exercise, and planted errors. They are not installed with the package."""
