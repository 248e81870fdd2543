"""Exercises: a plain NumPy function to fill in, checked, with hints in three levels."""
