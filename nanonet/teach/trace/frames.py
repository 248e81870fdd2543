"""What a debugger knows: which line of the user's code is running, in which modules, and what it calls its tensors.

The engine has no line for tracing. Whoever traces looks at Python's frames, from the doorway outwards.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from nanonet.backends.base import Backend
from nanonet.nn.module import Module
from nanonet.teach.trace.model import Site

_PACKAGE = Path(__file__).parents[2]
_EXAMPLES = tuple(str(_PACKAGE / part) for part in ("models", "teach/documents", "teach/exercises", "teach/ideas"))


def caller() -> FrameType:
    """The frame that asked for the computation that the calling `Backend.run` is to make.

    Other backends may stand in between: anomaly detection, or a trace of its own within a traced block.
    """
    frame = sys._getframe(2)
    while frame.f_back is not None and isinstance(frame.f_locals.get("self"), Backend):
        frame = frame.f_back
    return frame


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """This frame, the one that called it, and so on."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def is_users(frame: FrameType) -> bool:
    """Is this code the user's, or an example's, and not the engine's?"""
    file = frame.f_code.co_filename
    return not file.startswith(str(_PACKAGE)) or file.startswith(_EXAMPLES)


def site(frame: FrameType) -> Site | None:
    """The innermost line of the user's code."""
    for one in outwards(frame):
        if is_users(one):
            return Site(one.f_code.co_filename, one.f_lineno, one.f_code.co_name)
    return None


def variable_name(x: Any, frame: FrameType) -> str:
    """What the user's code calls `x`, looking outwards from `frame`; "" if it has no name there."""
    for one in outwards(frame):
        if is_users(one):
            for names in (one.f_locals, one.f_globals):
                for name, value in list(names.items()):
                    if value is x and not name.startswith("_"):
                        return name
    return ""


class Modules:
    """Which modules are being called, and their names, as `named_modules` has them."""

    def __init__(self) -> None:
        self.names: dict[tuple[int, int], str] = {}  # of a module within the one that calls it
        self.roots: dict[int, str] = {}
        self.kept: list[Module] = []  # so that no other module gets their address

    def path(self, frame: FrameType) -> tuple[tuple[str, ...], list[Module]]:
        """The names of the modules that are being called, the outermost first, and the modules."""
        calls = [one for one in outwards(frame) if one.f_code is Module.__call__.__code__][::-1]
        modules: list[Module] = []
        names: list[str] = []
        for call in calls:
            module = call.f_locals["self"]
            if modules and modules[-1] is module:  # a class that calls its base's __call__
                continue
            names.append(self._within(modules[-1], module) if modules else self._root(module, call))
            modules.append(module)
        return tuple(names), modules

    def _root(self, module: Module, call: FrameType) -> str:
        if id(module) not in self.roots:
            self.kept.append(module)
            self.roots[id(module)] = variable_name(module, call) or type(module).__name__.lower()
        return self.roots[id(module)]

    def _within(self, parent: Module, module: Module) -> str:
        key = id(parent), id(module)
        if key not in self.names:
            self.kept += [parent, module]
            found = next((name for name, one in parent.named_modules() if one is module and name), "")
            self.names[key] = found or type(module).__name__.lower()
        return self.names[key]


def parameter_name(x: Any, path: tuple[str, ...], modules: list[Module]) -> str:
    """ "model.0.weight" for a parameter or buffer of one of the modules that are being called, else ""."""
    for depth in range(len(modules), 0, -1):
        module = modules[depth - 1]
        for name, one in [*module.named_parameters(), *module.named_buffers()]:
            if one is x:
                return ".".join([*path[:depth], name])
    return ""
