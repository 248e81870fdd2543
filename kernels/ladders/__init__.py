"""Ladders: the same product written again and again, each rung with one more idea, from textbook loops to the best."""
