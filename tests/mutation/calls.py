"""Mistakes in calls: another function, none at all, another axis, swapped operands, a forgotten transposition."""

from __future__ import annotations

import ast
from collections.abc import Iterator

Mistake = tuple[str, ast.AST, ast.AST]

_PAIRS = (
    "sum mean, max min, maximum minimum, argmax argmin, sin cos, sinh cosh, zeros ones, zeros_like ones_like, "
    "logical_and logical_or, greater greater_equal, less less_equal, equal not_equal, floor ceil, tril triu, "
    "sqrt square, exp expm1, log log1p, all any, cumsum cumprod"
)
INSTEAD = {a: b for pair in _PAIRS.split(",") for a, b in (pair.split(), pair.split()[::-1])}
AXES = (0, 1, -1, -2)


def call_mistakes(node: ast.AST) -> Iterator[Mistake]:
    """All mistakes in a call."""
    if not isinstance(node, ast.Call):
        return
    yield from _other_function(node)
    yield from _no_function(node)
    yield from _keywords(node)
    yield from _operands(node)


def _is_xp(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "xp"


def _name(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _other_function(node: ast.Call) -> Iterator[Mistake]:
    other = INSTEAD.get(_name(node))
    if other is None:
        return
    function = node.func
    new = (
        ast.Attribute(function.value, other, ast.Load())
        if isinstance(function, ast.Attribute)
        else ast.Name(other, ast.Load())
    )
    yield "function", node, ast.Call(new, node.args, node.keywords)


def _no_function(node: ast.Call) -> Iterator[Mistake]:
    """The call's first array in place of its result."""
    kind = "transposition" if _name(node) in ("swapaxes", "transpose", "moveaxis") else "function dropped"
    arrays = [a for a in _arrays(node) if not isinstance(a, ast.Starred)]
    if isinstance(node.func, ast.Attribute) and not _is_xp(node.func.value):
        yield kind, node, node.func.value  # x.astype(…), x.sum()
    elif arrays:
        yield kind, node, arrays[0]


def _arrays(node: ast.Call) -> list[ast.expr]:
    """The positional arguments, without `xp`."""
    return node.args[1:] if node.args and _is_xp(node.args[0]) else node.args


def _keywords(node: ast.Call) -> Iterator[Mistake]:
    for i, keyword in enumerate(node.keywords):
        if keyword.arg == "strict":  # guards an invariant: of no consequence as long as it holds
            continue
        rest = node.keywords[:i] + node.keywords[i + 1 :]
        kind = "axis" if keyword.arg in ("axis", "keepdims") else "argument dropped"
        yield kind, node, ast.Call(node.func, node.args, rest)
        if keyword.arg == "axis":
            for axis in AXES:
                other = ast.keyword("axis", ast.Constant(axis))
                yield "axis", node, ast.Call(node.func, node.args, [*rest, other])


def _operands(node: ast.Call) -> Iterator[Mistake]:
    """Two arrays swapped; in a matrix product also one of them transposed."""
    skip = len(node.args) - len(_arrays(node))
    name = _name(node)
    own = isinstance(node.func, ast.Name) and skip == 1  # one of the engine's own functions: f(xp, a, b)
    if own or name in ("matmul", "subtract", "divide", "power", "where", "solve"):
        for i in range(skip, len(node.args) - 1):
            arguments = list(node.args)
            arguments[i], arguments[i + 1] = arguments[i + 1], arguments[i]
            yield "operands swapped", node, ast.Call(node.func, arguments, node.keywords)
    if name == "where":
        for branch in node.args[1:]:
            yield "condition", node, branch
    if name == "matmul":
        for i, argument in enumerate(node.args):
            transposed = ast.Call(
                ast.Attribute(ast.Name("xp", ast.Load()), "swapaxes", ast.Load()),
                [argument, ast.Constant(-1), ast.Constant(-2)],
                [],
            )
            arguments = [*node.args[:i], transposed, *node.args[i + 1 :]]
            yield "transposition", node, ast.Call(node.func, arguments, node.keywords)
