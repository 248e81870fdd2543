"""Predict, then reveal: questions about small programs, whose answers the engine computes when they are asked for.

from nanonet.teach.exercises import predict
question = predict.get("two-uses")
question.ask()                 # shows the code and the question
question.reveal(7)             # the engine's answer, why, and what is often answered instead
"""

from nanonet.teach.exercises.predict.question import Asked, Question, Revealed
from nanonet.teach.exercises.predict.shelf import get, names, questions

__all__ = ["Asked", "Question", "Revealed", "get", "names", "questions"]
