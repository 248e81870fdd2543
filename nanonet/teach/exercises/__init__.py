"""Exercises: a plain NumPy function to fill in, checked, with hints in three levels.

from nanonet.teach import exercises
exercises.names()
print(exercises.get("matmul").statement)
exercises.check("matmul", backward)             # shows the first hint: where
exercises.check("matmul", backward, hint=3)     # all three
"""

from nanonet.teach.exercises.checking import check
from nanonet.teach.exercises.exercise import Exercise, Feedback, LearnerError, Stopped
from nanonet.teach.exercises.shelf import all_exercises, get, names

__all__ = ["Exercise", "Feedback", "LearnerError", "Stopped", "all_exercises", "check", "get", "names"]
