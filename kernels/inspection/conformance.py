"""Static conformance: does every CuPy call in the sources exist, and do its arguments fit? No GPU is needed.

CuPy can be imported without a GPU; nearly nothing of it can run. So the sources are read instead: every name that
comes from CuPy is followed to the object of the installed CuPy, and every call's arguments are bound to that object's
signature.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanonet_kernels.inspection.signatures import is_open, signature_of

ROOTS = ("cupy", "cupyx", "cupy_backends")
_UNKNOWN = object()


@dataclass
class Conformance:
    """What was found. `names` were looked up, `bound` calls had their arguments checked.

    problems   one line each, with file and line: a name that does not exist, arguments that do not fit
    loose      calls whose function takes any keyword or any number of arguments: they fit, but this proves little
    unchecked  calls of functions that do not tell their arguments
    """

    names: int = 0
    bound: int = 0
    problems: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.names} names looked up, {self.bound} calls bound, {len(self.loose)} of them to open signatures, "
            f"{len(self.unchecked)} calls unchecked, {len(self.problems)} problems"
        )


@dataclass(frozen=True)
class _Instance:
    """An object of this class, which cannot be made here."""

    cls: type


def check_cupy_calls(paths: Iterable[Path]) -> Conformance:
    """Every use of a name that a file imports from CuPy."""
    result = Conformance()
    for path in paths:
        text = path.read_text()
        if any(root in text for root in ROOTS):
            _Reader(path, result).visit(ast.parse(text))
    return result


def check_rules(paths: Iterable[Path], names: Collection[str], namespace: Any) -> Conformance:
    """Every `xp.NAME` in textbook rules, for the `names` that a backend takes from `namespace` as they are."""
    result = Conformance()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and _is_xp(node) and node.attr in names:
                result.names += 1
                if not hasattr(namespace, node.attr):
                    result.problems.append(f"{path.name}:{node.lineno}: {namespace.__name__} has no {node.attr}")
            elif isinstance(node, ast.Call) and _called(node) in names and hasattr(namespace, _called(node)):
                where = f"{path.name}:{node.lineno}: xp.{_called(node)}"
                _bind(node, getattr(namespace, _called(node)), where, result)
    return result


def _called(node: ast.Call) -> str:
    """NAME of a call xp.NAME(…), else ""."""
    return node.func.attr if isinstance(node.func, ast.Attribute) and _is_xp(node.func) else ""


def _is_xp(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "xp"


class _Reader(ast.NodeVisitor):
    """Follows names through a file: imports, `name = module`, `name = Class(…)`, `with Class(…) as name`."""

    def __init__(self, path: Path, result: Conformance) -> None:
        self.path, self.result = path, result
        self.known: dict[str, Any] = {}

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.split(".")[0] in ROOTS:
                module = self._module(alias.name, node)
                name = alias.asname or alias.name.split(".")[0]
                self.known[name] = module if alias.asname else self._module(name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level == 0 and node.module and node.module.split(".")[0] in ROOTS:
            module = self._module(node.module, node)
            for alias in node.names:
                value = self._attribute(module, alias.name, node)
                self.known[alias.asname or alias.name] = value

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outside = dict(self.known)  # what a function binds stays in it
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            self.known.pop(argument.arg, None)
        self.generic_visit(node)
        self.known = outside

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            self._name(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.generic_visit(node)
        if node.value is not None:
            self._name(node.target, node.value)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._name(item.optional_vars, item.context_expr)
        for statement in node.body:
            self.visit(statement)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        owner = self._value(node.value)
        if owner is not _UNKNOWN:
            self.result.names += 1
            self._attribute(owner, node.attr, node, report=True)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        function = self._value(node.func)
        if function is not _UNKNOWN and not isinstance(function, _Instance) and not inspect.ismodule(function):
            _bind(node, function, f"{self.path.name}:{node.lineno}: {ast.unparse(node.func)}", self.result)

    def _name(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            found = self._value(value)
            if found is _UNKNOWN:
                self.known.pop(target.id, None)
            else:
                self.known[target.id] = found

    def _value(self, node: ast.expr) -> Any:
        """The object of the installed library that an expression stands for."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id, _UNKNOWN)
        if isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            return _UNKNOWN if owner is _UNKNOWN else self._attribute(owner, node.attr, node)
        if isinstance(node, ast.Call):
            function = self._value(node.func)
            cls = function if isinstance(function, type) else _returns(function)
            return _Instance(cls) if cls is not None else _UNKNOWN
        return _UNKNOWN

    def _attribute(self, owner: Any, name: str, node: ast.AST, report: bool = False) -> Any:
        inside = owner.cls if isinstance(owner, _Instance) else owner
        try:
            value = getattr(inside, name)
        except AttributeError:
            if inspect.ismodule(inside) and _importable(f"{inside.__name__}.{name}"):
                return importlib.import_module(f"{inside.__name__}.{name}")
            if report or isinstance(node, ast.ImportFrom):
                where = f"{self.path.name}:{getattr(node, 'lineno', 0)}"
                self.result.problems.append(f"{where}: {inside.__name__} has no {name}")
            return _UNKNOWN
        if isinstance(owner, _Instance) and not callable(value):
            return _UNKNOWN  # a property: what it returns is not known
        return value

    def _module(self, name: str, node: ast.AST) -> Any:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            self.result.problems.append(f"{self.path.name}:{getattr(node, 'lineno', 0)}: {name}: {error}")
            return _UNKNOWN


def _bind(call: ast.Call, function: Any, where: str, result: Conformance) -> None:
    """Do the call's arguments fit the function's? Only how many there are is known here, and their names."""
    if not callable(function):
        result.problems.append(f"{where}: is not callable")
        return
    signature = signature_of(function)
    if signature is None:
        result.unchecked.append(where)
        return
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        result.loose.append(f"{where}: arguments by * or **")
        return
    try:
        signature.bind(*call.args, **{k.arg: k.value for k in call.keywords if k.arg})
    except TypeError as error:
        result.problems.append(f"{where}{signature}: {error}")
        return
    result.bound += 1
    if is_open(signature):
        result.loose.append(where)


def _importable(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


_RETURNS = {  # functions whose results the sources go on using
    "get_default_memory_pool": "cuda.MemoryPool",
    "get_default_pinned_memory_pool": "cuda.PinnedMemoryPool",
    "get_current_stream": "cuda.Stream",
    "get_function": "cuda.Function",
    "alloc_pinned_memory": "cuda.PinnedMemoryPointer",
    "end_capture": "cuda.Graph",
}
_ARRAYS = {"empty", "zeros", "ones", "full", "empty_like", "zeros_like", "ones_like", "full_like"}
_ARRAYS |= {"asarray", "array", "arange", "from_dlpack"}


def _returns(function: Any) -> type | None:
    cupy: Any = importlib.import_module("cupy")
    name = getattr(function, "__name__", "")
    path = "ndarray" if name in _ARRAYS or isinstance(function, cupy.ufunc) else _RETURNS.get(name)
    value: Any = cupy
    for part in path.split(".") if path else ():
        value = getattr(value, part)
    return value if path else None
