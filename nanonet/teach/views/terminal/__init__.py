"""The stepping debugger in a terminal: one screen and single keys, or lines from a pipe."""

from nanonet.teach.views.terminal.program import Order, run

__all__ = ["Order", "run"]
