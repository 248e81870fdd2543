"""Ideas made visible, each a small program whose numbers are computed when it is asked for.

from nanonet.teach import ideas
print(ideas.get("vanishing").text())
"""

from __future__ import annotations

from importlib import import_module

from nanonet.teach.ideas.idea import Idea, Table

__all__ = ["NAMES", "Idea", "Table", "all", "get", "titles"]

NAMES = (
    "order",
    "modes",
    "softmax_cross_entropy",
    "vanishing",
    "dead_relu",
    "learning_rate",
    "batch_norm",
    "recursion",
)


def get(name: str) -> Idea:
    """The idea of this name, computed now. ValueError for a name that is not in `NAMES`."""
    asked = name.replace("-", "_")
    if asked not in NAMES:
        raise ValueError(f"ideas: expected one of {', '.join(NAMES)}, got {name!r}")
    return import_module(f"nanonet.teach.ideas.{asked}").idea()


def all() -> list[Idea]:
    """Every idea, computed now, in the order of `NAMES`."""
    return [get(name) for name in NAMES]


def titles() -> dict[str, str]:
    """{name: title} of all ideas, without computing any."""
    return {name: import_module(f"nanonet.teach.ideas.{name}").TITLE for name in NAMES}
