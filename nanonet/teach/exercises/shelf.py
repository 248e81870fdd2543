"""Finding exercises: by name, and all in order of difficulty."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil

from nanonet.teach.exercises.exercise import Exercise


@functools.cache
def all_exercises() -> tuple[Exercise, ...]:
    """All exercises: easy ones first, and within a level as the files of the catalogue have them."""
    from nanonet.teach.exercises import catalogue as folder

    found: list[Exercise] = []
    for module in pkgutil.iter_modules(folder.__path__):
        found += importlib.import_module(f"{folder.__name__}.{module.name}").EXERCISES
    return tuple(sorted(found, key=lambda e: (e.level, TOPICS.index(e.topic))))


TOPICS = (
    "scalars",
    "activations",
    "shapes",
    "products",
    "losses",
    "networks",
    "optimizers",
    "normalisation",
    "convolution",
    "recurrence",
    "attention",
    "generative models",
)


def names() -> list[str]:
    """The names of all exercises, easy ones first."""
    return [exercise.name for exercise in all_exercises()]


def get(name: str) -> Exercise:
    """The exercise of this name. Raises ValueError where there is none."""
    found = {exercise.name: exercise for exercise in all_exercises()}
    if name not in found:
        close = difflib.get_close_matches(name.replace("_", "-"), found, n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "`nanonet exercise list` shows all"
        raise ValueError(f"exercise: there is none called {name!r}; {hint}")
    return found[name]
