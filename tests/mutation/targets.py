"""What is mutated: every backward rule, and the module-level functions that only backward rules call."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import nanonet  # noqa: F401  (registers every op)
from nanonet.op import Op, ops

FAMILIES = "nanonet.ops."


@dataclass(frozen=True)
class Target:
    """A function to mutate, its source as a tree, and the ops whose gradient it computes."""

    name: str  # "rectifier.Relu.backward", "pool.max_pool_backward"
    function: Any  # a FunctionType, which a type checker would take for a method
    tree: ast.FunctionDef
    ops: tuple[type[Op], ...]


def targets(names: list[str] | None = None) -> list[Target]:
    """All targets, or those that the ops of these names use, in the order of their names."""
    users: dict[FunctionType, list[type[Op]]] = {}
    forward = _forward_functions()
    for op in ops():
        if op.backward is not None:
            for function in _reached([_function(op.backward)]):
                if function not in forward:
                    users.setdefault(function, []).append(op)
    found = [Target(_name(f), f, tree_of(f), tuple(used)) for f, used in users.items()]
    if names:
        unknown = set(names) - {op.name for op in ops()}
        if unknown:
            raise ValueError(f"mutation: expected names of ops, got {', '.join(sorted(unknown))}; see docs/ops.md")
        found = [t for t in found if any(op.name in names for op in t.ops)]
    return sorted(found, key=lambda target: target.name)


def tree_of(function: FunctionType) -> ast.FunctionDef:
    """The function's definition, with the line numbers of its file."""
    code = function.__code__
    for node in ast.walk(_module(code.co_filename)):
        if isinstance(node, ast.FunctionDef) and (node.lineno, node.name) == (code.co_firstlineno, code.co_name):
            return node
    raise LookupError(f"mutation: no definition of {function.__qualname__} in {code.co_filename}")


@cache
def _module(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


def _name(function: FunctionType) -> str:
    return f"{function.__module__.rsplit('.', 1)[-1]}.{function.__qualname__}"


def _function(rule: Any) -> FunctionType:
    assert isinstance(rule, FunctionType), "rules are plain functions"
    return rule


def _forward_functions() -> set[FunctionType]:
    """All that the forward side calls: whoever changes one of these changes the function, not only its gradient."""
    roots = [rule for op in ops() for rule in (op.forward, op.call, op.finish) if inspect.isfunction(rule)]
    return set(_reached(roots))


def _reached(roots: list[Any]) -> Iterator[FunctionType]:
    """The roots and every function of nanonet.ops that their code names, directly or not."""
    waiting, seen = list(roots), set()
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        yield function
        for name in _names(function.__code__):
            other = function.__globals__.get(name)
            if isinstance(other, FunctionType) and other.__module__.startswith(FAMILIES):
                waiting.append(other)


def _names(code: CodeType) -> set[str]:
    """The global names in a function, and in the functions and comprehensions within it."""
    inner = [_names(c) for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*inner)
