"""Backpropagation to look at: trace, debugger, cards, pages, plots, exercises, and the documents' errors."""

from importlib import import_module as _import_module


def __getattr__(name: str) -> object:
    """The names that are used most, loaded when they are."""
    if name in ("Debugger", "Trace", "tracing"):
        return getattr(_import_module("nanonet.teach.trace"), name)
    if name == "exercises":
        return _import_module("nanonet.teach.exercises")
    raise AttributeError(f"module 'nanonet.teach' has no attribute {name!r}")
