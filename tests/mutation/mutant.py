"""A mutant: a target with one small mistake, as code that can be put in the target's place."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType

from tests.mutation.mutators import mutations
from tests.mutation.targets import Target


@dataclass(frozen=True)
class Mutant:
    """`change` is "before -> after", with a number where that is possible at several places."""

    target: Target
    change: str
    kind: str
    code: CodeType

    @property
    def key(self) -> str:
        return f"{self.target.name}: {self.change}"

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Within the block the target computes what the mutant does, for everyone who calls it."""
        function = self.target.function
        before = function.__code__
        function.__code__ = self.code
        try:
            yield
        finally:
            function.__code__ = before


def mutants(target: Target) -> list[Mutant]:
    """All mutants of a target, each once; those whose code is the target's own are left out."""
    original = _compiled(target.function, target.tree)
    seen = {_essence(original)}
    counts: dict[str, int] = {}
    found: list[Mutant] = []
    parents = {id(child): node for node in ast.walk(target.tree) for child in ast.iter_child_nodes(node)}
    for kind, old, new in mutations(target.tree):
        change = _change(old, new, parents)
        try:
            with _replaced(parents[id(old)], old, new):
                code = _compiled(target.function, target.tree)
        except (SyntaxError, ValueError):
            continue
        essence = _essence(code)
        if essence in seen:
            continue
        seen.add(essence)
        counts[change] = counts.get(change, 0) + 1
        if counts[change] > 1:
            change += f" ({counts[change]})"
        found.append(Mutant(target, change, kind, code))
    return found


@contextmanager
def _replaced(parent: ast.AST, old: ast.AST, new: ast.AST) -> Iterator[None]:
    """Within the block `new` stands in the tree where `old` did: copying the tree takes longer than compiling it."""
    for name, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, name, new)
        elif isinstance(value, list) and any(child is old for child in value):
            setattr(parent, name, [new if child is old else child for child in value])
        else:
            continue
        try:
            yield
        finally:
            setattr(parent, name, value)
        return
    raise LookupError(f"mutation: {ast.unparse(old)} is not in {ast.unparse(parent)}")


def _compiled(function: FunctionType, tree: ast.FunctionDef) -> CodeType:
    """The code of the definition, as if it stood in the function's module."""
    module = ast.fix_missing_locations(ast.Module([tree], []))
    flags = annotations.compiler_flag  # what the import above stands for
    namespace: dict[str, FunctionType] = {}
    exec(compile(module, function.__code__.co_filename, "exec", flags, True), dict(function.__globals__), namespace)
    return namespace[tree.name].__code__


def _essence(code: CodeType) -> tuple[object, ...]:
    """What a function does, without the places in the source that its instructions come from."""
    constants = tuple(_essence(c) if isinstance(c, CodeType) else (type(c).__name__, repr(c)) for c in code.co_consts)
    return (code.co_code, constants, code.co_names, code.co_varnames, code.co_exceptiontable)


def _change(old: ast.AST, new: ast.AST, parents: dict[int, ast.AST]) -> str:
    """The mistake in words; a number is shown with what it stands in, which says where it is."""
    before, after = old, new
    number = old.operand if isinstance(old, ast.UnaryOp) else old
    while isinstance(number, ast.Constant | ast.Slice | ast.comprehension) and not isinstance(before, ast.stmt):
        before = parents[id(before)]
        after = copy.deepcopy(before, {id(old): new})
        if isinstance(before, ast.expr) and not isinstance(before, ast.Slice | ast.UnaryOp | ast.Tuple):
            break
    texts = (
        " ".join(ast.unparse(node).split()) if not isinstance(node, ast.Pass) else "nothing" for node in (before, after)
    )
    return " -> ".join(texts)
