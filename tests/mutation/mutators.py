"""Small mistakes. A mutator gets a node of the tree and gives (kind, node, its replacement) for each that it can make.

Replacements share parts with the tree that they come from: whoever puts one in place copies the tree.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.mutation.calls import call_mistakes
from tests.mutation.statements import statement_mistakes

Mistake = tuple[str, ast.AST, ast.AST]

OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Pow: (ast.Mult, ast.Div),
    ast.Mod: (ast.FloorDiv,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Gt: (ast.GtE, ast.Lt, ast.Eq),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Lt: (ast.LtE, ast.Gt, ast.Eq),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}


def mutations(tree: ast.FunctionDef) -> Iterator[Mistake]:
    """Every mistake that can be made once in the body of a function; error messages and annotations stay."""
    bound = {argument.arg for argument in ast.walk(tree.args) if isinstance(argument, ast.arg)}
    places: set[ast.AST] = {n.slice for n in ast.walk(tree) if isinstance(n, ast.Subscript) and _is_place(n.slice)}
    for statement in tree.body:
        for node in _nodes(statement):
            yield from statement_mistakes(node, bound)
            yield from call_mistakes(node)
            yield from expression_mistakes(node, places)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Raise | ast.JoinedStr) or _is_docstring(node):
        return
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _nodes(child)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def expression_mistakes(node: ast.AST, places: set[ast.AST]) -> Iterator[Mistake]:
    """Mistakes in a formula; `places` are the numbers that pick an element, which are only moved to the next one."""
    match node:
        case ast.BinOp():
            yield from _arithmetic(node)
        case ast.UnaryOp(op=ast.USub()):
            yield "sign", node, node.operand
        case ast.UnaryOp(op=ast.Not() | ast.Invert()):
            yield "condition", node, node.operand
        case ast.Compare(ops=[op]):
            for other in COMPARISONS.get(type(op), ()):
                yield "comparison", node, ast.Compare(node.left, [other()], node.comparators)
        case ast.BoolOp():
            other_op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "condition", node, ast.BoolOp(other_op, node.values)
            for value in node.values:
                yield "condition", node, value
        case ast.IfExp():
            yield "condition", node, ast.IfExp(node.test, node.orelse, node.body)
            yield "condition", node, node.body
            yield "condition", node, node.orelse
        case ast.Constant() if node not in places:
            yield from _constant(node)
        case ast.Subscript():
            yield from _index(node)
        case ast.Slice():
            yield from _slice(node)
        case ast.Attribute(attr="T" | "mT"):
            yield "transposition", node, node.value
        case ast.comprehension(ifs=[_, *_]):
            yield "condition", node, ast.comprehension(node.target, node.iter, [], 0)
        case _:
            pass


def _arithmetic(node: ast.BinOp) -> Iterator[Mistake]:
    left, right = node.left, node.right
    for other in OPERATORS.get(type(node.op), ()):
        yield "operator", node, ast.BinOp(left, other(), right)
    if isinstance(node.op, ast.Add | ast.Sub):
        yield "term dropped", node, left
        yield "term dropped", node, right
    else:
        yield "factor dropped", node, left
        yield "factor dropped", node, right
    if isinstance(node.op, ast.Sub | ast.Div | ast.Pow | ast.FloorDiv):
        yield "operands swapped", node, ast.BinOp(right, node.op, left)


def _constant(node: ast.Constant) -> Iterator[Mistake]:
    value = node.value
    if isinstance(value, bool):
        yield "flag", node, ast.Constant(not value)
    elif isinstance(value, int):
        yield "constant", node, ast.Constant(value + 1)
        yield "constant", node, ast.Constant(value - 1 if value > 0 else -1)
    elif isinstance(value, float):
        for other in {2 * value, 1.0, 0.0} - {value}:
            yield "constant", node, ast.Constant(other)


def _index(node: ast.Subscript) -> Iterator[Mistake]:
    key = node.slice
    if isinstance(node.ctx, ast.Load) and isinstance(key, ast.Slice | ast.Tuple):
        yield "index", node, node.value
    if isinstance(key, ast.Tuple):
        for i in range(len(key.elts) - 1):
            elements = list(key.elts)
            elements[i], elements[i + 1] = elements[i + 1], elements[i]
            yield "index", node, ast.Subscript(node.value, ast.Tuple(elements, ast.Load()), node.ctx)
    elif isinstance(key, ast.Constant) and isinstance(key.value, int):
        yield "index", key, ast.Constant(key.value + 1)
    elif isinstance(key, ast.Name | ast.BinOp):
        yield "index", node, ast.Subscript(node.value, _plus_one(key), node.ctx)


def _slice(node: ast.Slice) -> Iterator[Mistake]:
    lower, upper, step = node.lower, node.upper, node.step
    if lower is not None:
        yield "index", node, ast.Slice(None, upper, step)
        if not isinstance(lower, ast.Constant):
            yield "index", node, ast.Slice(_plus_one(lower), upper, step)
    if upper is not None:
        yield "index", node, ast.Slice(lower, None, step)
        if not isinstance(upper, ast.Constant):
            yield "index", node, ast.Slice(lower, _plus_one(upper), step)
    if step is not None:
        yield "index", node, ast.Slice(lower, upper, None)


def _is_place(key: ast.AST) -> bool:
    return isinstance(key, ast.Constant) and isinstance(key.value, int)


def _plus_one(node: ast.expr) -> ast.expr:
    return ast.BinOp(node, ast.Add(), ast.Constant(1))
