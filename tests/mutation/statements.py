"""Mistakes in statements: one left out, a branch always or never taken, returned gradients swapped, zero or negated."""

from __future__ import annotations

import ast
from collections.abc import Iterator

Mistake = tuple[str, ast.AST, ast.AST]


def statement_mistakes(node: ast.AST, bound: set[str]) -> Iterator[Mistake]:
    """All mistakes in a statement; `bound` are the names that have a value before it, and gets those it gives one."""
    match node:
        case ast.Assign(targets=[target], value=value):
            names = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
            if names <= bound or not isinstance(target, ast.Name | ast.Tuple):
                yield "statement dropped", node, ast.Pass()
            bound |= names
            if isinstance(target, ast.Tuple):
                yield from _unpacked(node, target, value)
        case ast.AugAssign(target=target, op=op, value=value):
            yield "statement dropped", node, ast.Pass()
            yield "overwritten", node, ast.Assign([target], value, lineno=node.lineno)
            if isinstance(op, ast.Add | ast.Sub):
                other = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
                yield "operator", node, ast.AugAssign(target, other, value)
        case ast.If(test=test):
            for other in (ast.UnaryOp(ast.Not(), test), ast.Constant(True), ast.Constant(False)):
                yield "condition", test, other
        case ast.For(iter=ast.Call(func=ast.Name(id="reversed"), args=[order])):
            yield "order", node.iter, order
        case ast.Return(value=value) if value is not None:
            yield from _returned(value)
        case _:
            pass


def _unpacked(node: ast.Assign, target: ast.Tuple, value: ast.expr) -> Iterator[Mistake]:
    """`a, b = saved` read as `b, a = saved`."""
    for i, elements in _swaps(target.elts):
        if not isinstance(target.elts[i], ast.Starred):
            yield "operands swapped", target, ast.Tuple(elements, ast.Store())
    if isinstance(value, ast.Tuple):
        for _, elements in _swaps(value.elts):
            yield "operands swapped", value, ast.Tuple(elements, ast.Load())


def _returned(value: ast.expr) -> Iterator[Mistake]:
    """Gradients swapped, zero, negated, or the upstream gradient passed through."""
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    if isinstance(value, ast.Tuple):
        for _, elements in _swaps(value.elts):
            yield "gradients swapped", value, ast.Tuple(elements, ast.Load())
    for part in parts:
        formula = part.body if isinstance(part, ast.IfExp) else part
        if isinstance(formula, ast.Starred | ast.Constant | ast.GeneratorExp):
            continue
        yield "zero", formula, ast.BinOp(formula, ast.Mult(), ast.Constant(0))
        if not isinstance(formula, ast.UnaryOp):
            yield "sign", formula, ast.UnaryOp(ast.USub(), formula)


def _swaps(elements: list[ast.expr]) -> Iterator[tuple[int, list[ast.expr]]]:
    """Each pair of neighbours exchanged."""
    for i in range(len(elements) - 1):
        yield i, [*elements[:i], elements[i + 1], elements[i], *elements[i + 2 :]]
