"""Median, MAD and bootstrap interval."""
