"""What a debugger knows: which line of the user's code is running, in which modules, and what it calls its tensors.

The engine has no line for tracing. Whoever traces looks at Python's frames, from the doorway outwards.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from nanonet.backends.base import Backend
from nanonet.nn.module import Module
from nanonet.teach.trace.model import Site
from nanonet.variable import Variable

_PACKAGE = Path(__file__).parents[2]
_COMMAND = str(_PACKAGE / "cli_step.py")
_EXAMPLES = tuple(str(_PACKAGE / part) for part in ("models", "teach/documents", "teach/exercises", "teach/ideas"))

MOST = 300  # things that are looked into for a name, and the largest list among them


class Between:
    """Base of what stands between a backend and the one that it wraps."""


def caller() -> FrameType:
    """The frame that asked for the computation that the calling `Backend.run` is to make.

    Other backends may stand in between: anomaly detection, or a trace of its own within a traced block.
    """
    frame = sys._getframe(2)
    while frame.f_back is not None and isinstance(frame.f_locals.get("self"), Backend | Between):
        frame = frame.f_back
    return frame


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """This frame, the one that called it, and so on; not those outside the command `nanonet step`."""
    while frame is not None and frame.f_code.co_filename != _COMMAND:
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


def member_name(x: Any, frame: FrameType) -> str:
    """What the user's code calls `x` if it is kept in something: "layers[0]", "p['w']", "self.w", "net.layers[1].w"."""
    for one in outwards(frame):
        if is_users(one):
            named = [*one.f_locals.items(), *one.f_globals.items()]
            found = _kept_in(x, [(name, value) for name, value in named if not name.startswith("_")])
            if found:
                return found
    return ""


def _kept_in(x: Any, holders: list[tuple[str, Any]]) -> str:
    """The shortest name of x within the holders, of which only so many are looked into."""
    waiting = deque(holders)
    looked = 0
    while waiting and looked < len(holders) + MOST:
        name, holder = waiting.popleft()
        looked += 1
        for place, value in _kept(holder):
            if value is x:
                return name + place
            waiting.append((name + place, value))
    return ""


def _kept(holder: Any) -> list[tuple[str, Any]]:
    """(place, value) of what a list, a dictionary, a module or another object keeps."""
    if isinstance(holder, Module):
        return [(f".{name}", value) for name, value in holder.named_parameters()]
    if isinstance(holder, list | tuple) and len(holder) <= MOST:
        return [(f"[{i}]", value) for i, value in enumerate(holder)]
    if isinstance(holder, dict) and len(holder) <= MOST:
        return [(f"[{key!r}]", value) for key, value in holder.items() if isinstance(key, str | int)]
    if isinstance(holder, type | ModuleType | Variable) or callable(getattr(holder, "__get__", None)):
        return []
    return [(f".{name}", value) for name, value in getattr(holder, "__dict__", {}).items()]


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
            named = [(name, one) for name, one in parent.named_modules() if name]  # all at once: a model may have many
            self.kept += [parent, module, *(one for _, one in named)]
            for name, one in named:
                self.names.setdefault((id(parent), id(one)), name)
        return self.names.setdefault(key, type(module).__name__.lower())


def parameter_name(x: Any, path: tuple[str, ...], modules: list[Module]) -> str:
    """ "model.0.weight" for a parameter or buffer of one of the modules that are being called, else ""."""
    for depth in range(len(modules), 0, -1):
        module = modules[depth - 1]
        for name, one in [*module.named_parameters(), *module.named_buffers()]:
            if one is x:
                return ".".join([*path[:depth], name])
    return ""
