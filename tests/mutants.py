"""Right backward rules as expressions, and every single change of them: wrong rules whose mistake is known by construction."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

rng = np.random.default_rng(23)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def positive(*shape: int) -> np.ndarray:
    return rng.uniform(0.4, 2.0, size=shape)


def away(*shape: int) -> np.ndarray:
    """No element near 0, where many functions have a kink."""
    return rng.uniform(0.2, 1.6, size=shape) * rng.choice([-1.0, 1.0], size=shape)


def sig(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def std(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.sqrt(x.var(axis, keepdims=True) + 1e-5)


def hat(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return (x - x.mean(axis, keepdims=True)) / std(x, axis)


def mean(v: np.ndarray, axis: int) -> np.ndarray:
    return v.mean(axis, keepdims=True)


def total(v: np.ndarray, axis: int) -> np.ndarray:
    return v.sum(axis, keepdims=True)


TARGET, HOT, SPIN = normal(4, 5), np.eye(5)[[0, 3, 1, 4]], normal(4, 4)
NAMES = {"np": np, "sig": sig, "softmax": softmax, "hat": hat, "std": std, "mean": mean, "total": total}
NAMES |= {"TARGET": TARGET, "HOT": HOT, "SPIN": SPIN}

# forward, inputs, and the right gradient of each input; dy and y may stand in the expressions
RULES: list[tuple[str, dict[str, np.ndarray], dict[str, str]]] = [
    ("np.tanh(x)", {"x": normal(4, 3)}, {"x": "dy * (1 - y**2)"}),
    ("sig(x)", {"x": normal(5, 3)}, {"x": "dy * y * (1 - y)"}),
    ("np.exp(-x)", {"x": normal(4, 3)}, {"x": "-dy * y"}),
    ("np.log(x)", {"x": positive(7)}, {"x": "dy / x"}),
    ("np.sqrt(x)", {"x": positive(7)}, {"x": "dy / (2 * y)"}),
    ("1 / x", {"x": positive(3, 4)}, {"x": "-dy * y**2"}),
    ("np.sin(x**2)", {"x": normal(4, 4)}, {"x": "dy * np.cos(x**2) * 2 * x"}),
    ("np.arctan(x)", {"x": normal(8)}, {"x": "dy / (1 + x**2)"}),
    ("np.log1p(np.exp(x))", {"x": normal(8)}, {"x": "dy * sig(x)"}),
    ("x * np.tanh(x)", {"x": normal(3, 5)}, {"x": "dy * np.tanh(x) + dy * x * (1 - np.tanh(x)**2)"}),
    ("x * np.exp(x)", {"x": normal(6)}, {"x": "dy * np.exp(x) + dy * y"}),
    ("x**2 * np.sin(x)", {"x": away(9)}, {"x": "dy * 2 * x * np.sin(x) + dy * x**2 * np.cos(x)"}),
    ("x + np.sin(x)", {"x": normal(9)}, {"x": "dy + dy * np.cos(x)"}),
    ("np.maximum(x, 0)", {"x": away(4, 5)}, {"x": "dy * (x > 0)"}),
    ("np.where(x > 0, x, 0.1 * x)", {"x": away(4, 5)}, {"x": "dy * np.where(x > 0, 1, 0.1)"}),
    ("np.clip(x, -1, 1)", {"x": 1.3 * away(5, 5)}, {"x": "dy * (np.abs(x) < 1)"}),
    ("a * b", {"a": normal(3, 4), "b": normal(3, 4)}, {"a": "dy * b", "b": "dy * a"}),
    ("a / b", {"a": normal(3, 4), "b": positive(3, 4)}, {"a": "dy / b", "b": "-dy * a / b**2"}),
    ("a * np.tanh(b)", {"a": normal(9), "b": normal(9)}, {"a": "dy * np.tanh(b)", "b": "dy * a * (1 - np.tanh(b)**2)"}),
    ("np.hypot(a, b)", {"a": normal(9), "b": normal(9)}, {"a": "dy * a / y", "b": "dy * b / y"}),
    ("np.maximum(a, b)", {"a": normal(4, 4), "b": normal(4, 4)}, {"a": "dy * (a > b)", "b": "dy * (b > a)"}),
    ("x + b", {"x": normal(4, 3), "b": normal(3)}, {"x": "dy", "b": "dy.sum(0)"}),
    ("x * s", {"x": normal(5, 3), "s": normal(5, 1)}, {"x": "dy * s", "s": "total(dy * x, 1)"}),
    (
        "x * s + b",
        {"x": normal(6, 4), "s": normal(4), "b": normal(4)},
        {"x": "dy * s", "s": "(dy * x).sum(0)", "b": "dy.sum(0)"},
    ),
    (
        "x @ w + b",
        {"x": normal(6, 3), "w": normal(3, 4), "b": normal(4)},
        {"x": "dy @ w.T", "w": "x.T @ dy", "b": "dy.sum(0)"},
    ),
    ("x @ w", {"x": normal(4, 4), "w": normal(4, 4)}, {"x": "dy @ w.T", "w": "x.T @ dy"}),
    (
        "np.tanh(x @ w + b)",
        {"x": normal(5, 3), "w": normal(3, 4), "b": normal(4)},
        {"x": "(dy * (1 - y**2)) @ w.T", "w": "x.T @ (dy * (1 - y**2))", "b": "(dy * (1 - y**2)).sum(0)"},
    ),
    (
        "np.maximum(x @ w, 0) @ v",
        {"x": normal(5, 3), "w": normal(3, 4), "v": normal(4, 2)},
        {
            "x": "(dy @ v.T * (x @ w > 0)) @ w.T",
            "w": "x.T @ (dy @ v.T * (x @ w > 0))",
            "v": "np.maximum(x @ w, 0).T @ dy",
        },
    ),
    (
        "sig(x @ w) @ v",
        {"x": normal(5, 3), "w": normal(3, 4), "v": normal(4, 2)},
        {"w": "x.T @ (dy @ v.T * sig(x @ w) * (1 - sig(x @ w)))", "v": "sig(x @ w).T @ dy"},
    ),
    (
        "x + sig(x @ w)",
        {"x": normal(4, 3), "w": normal(3, 3)},
        {"x": "dy + (dy * sig(x @ w) * (1 - sig(x @ w))) @ w.T"},
    ),
    ("x @ x.T", {"x": normal(4, 3)}, {"x": "dy @ x + dy.T @ x"}),
    ("q @ k.T / 2", {"q": normal(4, 3), "k": normal(5, 3)}, {"q": "dy @ k / 2", "k": "dy.T @ q / 2"}),
    ("softmax(x)", {"x": normal(4, 5)}, {"x": "y * (dy - total(dy * y, -1))"}),
    ("np.log(softmax(x))", {"x": normal(4, 5)}, {"x": "dy - np.exp(y) * total(dy, -1)"}),
    ("np.log(np.exp(x).sum(1))", {"x": normal(4, 5)}, {"x": "dy[:, None] * softmax(x, 1)"}),
    ("-np.mean((HOT * np.log(softmax(x))).sum(1))", {"x": normal(4, 5)}, {"x": "dy * (softmax(x) - HOT) / 4"}),
    ("np.mean((x - TARGET)**2)", {"x": normal(4, 5)}, {"x": "dy * 2 * (x - TARGET) / 20"}),
    ("np.sum((x - t)**2) / 2", {"x": normal(3, 5), "t": normal(3, 5)}, {"x": "dy * (x - t)", "t": "dy * (t - x)"}),
    ("np.mean(np.logaddexp(0, z) - t * z)", {"z": normal(7), "t": positive(7)}, {"z": "dy * (sig(z) - t) / 7"}),
    ("x - x.mean(1, keepdims=True)", {"x": normal(4, 5)}, {"x": "dy - mean(dy, 1)"}),
    (
        "hat(x) * g",
        {"x": normal(4, 5), "g": positive(5)},
        {"x": "(dy * g - mean(dy * g, -1) - hat(x) * mean(dy * g * hat(x), -1)) / std(x)", "g": "(dy * hat(x)).sum(0)"},
    ),
    ("hat(x, 0)", {"x": normal(6, 3)}, {"x": "(dy - mean(dy, 0) - hat(x, 0) * mean(dy * hat(x, 0), 0)) / std(x, 0)"}),
    (
        "x / np.sqrt((x**2).mean(-1, keepdims=True))",
        {"x": normal(4, 5)},
        {"x": "(dy - y * mean(dy * y, -1)) / np.sqrt(mean(x**2, -1))"},
    ),
    ("x / np.linalg.norm(x)", {"x": normal(6)}, {"x": "(dy - y * (dy * y).sum()) / np.linalg.norm(x)"}),
    ("np.linalg.norm(x, axis=1)", {"x": normal(4, 5)}, {"x": "dy[:, None] * x / y[:, None]"}),
    ("x.var(1)", {"x": normal(4, 5)}, {"x": "dy[:, None] * 2 * (x - mean(x, 1)) / 5"}),
    ("x.sum(1)", {"x": normal(4, 4)}, {"x": "dy[:, None] * np.ones((4, 4))"}),
    ("x.mean(0)", {"x": normal(3, 5)}, {"x": "dy * np.ones((3, 5)) / 3"}),
    ("np.cumsum(x, 1)", {"x": normal(4, 5)}, {"x": "np.cumsum(dy[:, ::-1], 1)[:, ::-1]"}),
    ("x[::-1]", {"x": normal(6)}, {"x": "dy[::-1]"}),
    ("x.T", {"x": normal(4, 4)}, {"x": "dy.T"}),
    (
        "np.convolve(x, k)",
        {"x": normal(7), "k": normal(3)},
        {"x": "np.correlate(dy, k, 'valid')", "k": "np.correlate(dy, x, 'valid')"},
    ),
    ("x @ A @ x", {"x": normal(5), "A": normal(5, 5)}, {"x": "dy * (A @ x + A.T @ x)", "A": "dy * np.outer(x, x)"}),
    ("np.outer(u, v)", {"u": normal(5), "v": normal(4)}, {"u": "dy @ v", "v": "dy.T @ u"}),
    (
        "z * a + (1 - z) * b",
        {"z": positive(3, 4) / 3, "a": normal(3, 4), "b": normal(3, 4)},
        {"z": "dy * (a - b)", "a": "dy * z", "b": "dy * (1 - z)"},
    ),
    (
        "((x - c)**2).sum(-1)",
        {"x": normal(5, 3), "c": normal(3)},
        {"x": "2 * dy[:, None] * (x - c)", "c": "-2 * (dy[:, None] * (x - c)).sum(0)"},
    ),
    (
        "softmax(q @ k.T) @ v",
        {"q": normal(3, 4), "k": normal(5, 4), "v": normal(5, 4)},
        {"v": "softmax(q @ k.T).T @ dy"},
    ),
    (
        "np.sum(np.tanh(w) * SPIN) + 0.1 * np.sum(w**2)",
        {"w": normal(4, 4)},
        {"w": "dy * SPIN * (1 - np.tanh(w)**2) + dy * 0.2 * w"},
    ),
    ("np.linalg.inv(x)", {"x": SPIN + 3 * np.eye(4)}, {"x": "-(y.T @ dy @ y.T)"}),
    (
        "x[None] * s[:, None, None]",
        {"x": normal(3, 4), "s": normal(5)},
        {"x": "(dy * s[:, None, None]).sum(0)", "s": "(dy * x).sum((1, 2))"},
    ),
    ("x + b[None, :, None, None]", {"x": normal(2, 3, 2, 4), "b": normal(3)}, {"b": "dy.sum((0, 2, 3))"}),
    ("x.reshape(3, 4, 3).mean(2)", {"x": normal(3, 12)}, {"x": "np.repeat(dy, 3, 1) / 3"}),
]

TERM = {"missing-term", "overwritten", "missing-coupling"}
RATIO = {"missing-factor", "extra-factor"}  # y = a·b in the place of b is a factor a too many, whatever was meant
FACTOR = {"missing-factor", "mask", "scale", "mean-for-sum", "sum-for-mean"}


def changes(tree: ast.expr, inputs: list[str]) -> Iterator[tuple[set[str], str, ast.expr]]:
    """(kinds that may be named, what was done, the changed expression)."""
    yield {"sign"}, "minus", ast.UnaryOp(ast.USub(), tree)
    yield {"scale", "mean-for-sum"}, "times 0.3", ast.BinOp(tree, ast.Mult(), ast.Constant(0.3))
    for path, node in _walk(tree):
        for kinds, text, new in _edits(node, inputs):
            yield kinds, f"{ast.unparse(node)} -> {text}", _replaced(tree, path, new)


def _edits(node: ast.AST, inputs: list[str]) -> Iterator[tuple[set[str], str, ast.expr]]:
    """What may go wrong at one place of an expression."""
    found: list[tuple[set[str], ast.expr]] = []
    if isinstance(node, ast.BinOp):
        left, right = node.left, node.right
        has_dy = [any(isinstance(n, ast.Name) and n.id == "dy" for n in ast.walk(side)) for side in (left, right)]
        if isinstance(node.op, ast.Mult | ast.Div) and any(has_dy):
            found.append((FACTOR, left if has_dy[0] else right))
        if isinstance(node.op, ast.Mult) and sum(has_dy) == 1:
            factor = right if has_dy[0] else left
            if not isinstance(factor, ast.Constant | ast.Compare):
                found.append(({"extra-factor"}, ast.BinOp(node, ast.Mult(), factor)))
        if isinstance(node.op, ast.Add | ast.Sub):
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            found.append(({"sign"}, ast.BinOp(left, other, right)))
            if all(has_dy):
                found.append((TERM, left))
                found.append((TERM, right if isinstance(node.op, ast.Add) else ast.UnaryOp(ast.USub(), right)))
    if isinstance(node, ast.Attribute) and node.attr == "T":
        found.append(({"transpose"}, node.value))
    if isinstance(node, ast.Name) and node.id in inputs:
        found += [({"swapped-operands"}, ast.Name(n)) for n in inputs if n != node.id]
        found.append(({"input-for-output", *RATIO}, ast.Name("y")))
    if isinstance(node, ast.Name) and node.id == "y":
        found += [({"input-for-output", *RATIO}, ast.Name(n)) for n in inputs]
    if isinstance(node, ast.Name) and node.id == "dy":
        found.append(({"ignored-upstream"}, ast.parse("np.ones_like(dy)", mode="eval").body))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sum" and node.args:
        found.append(({"mean-for-sum"}, ast.Call(ast.Attribute(node.func.value, "mean"), node.args, [])))
        found.append(({"missing-sum", "broadcast-not-undone"}, node.func.value))
        found += [({"wrong-axis"}, ast.Call(node.func, [ast.Constant(axis)], [])) for axis in (0, 1)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("total", "mean"):
        name, kind = ("mean", "mean-for-sum") if node.func.id == "total" else ("total", "sum-for-mean")
        found.append(({kind}, ast.Call(ast.Name(name), node.args, [])))
        found += [({"wrong-axis"}, ast.Call(node.func, [node.args[0], ast.Constant(axis)], [])) for axis in (0, 1)]
    if isinstance(node, ast.Subscript) and "::-1" in ast.unparse(node.slice):
        found.append(({"flipped", "transpose"}, node.value))
    for kinds, new in found:
        yield kinds, ast.unparse(new), new


Path = tuple[tuple[str, int | None], ...]


def _walk(node: ast.AST, path: Path = ()) -> Iterator[tuple[Path, ast.AST]]:
    yield path, node
    for name, value in ast.iter_fields(node):
        for i, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.expr):
                yield from _walk(child, (*path, (name, i)))


def _replaced(tree: ast.expr, path: Path, new: ast.expr) -> ast.expr:
    copy = ast.parse(ast.unparse(tree), mode="eval").body
    if not path:
        return new
    parent: Any = copy
    for name, i in path[:-1]:
        parent = getattr(parent, name) if i is None else getattr(parent, name)[i]
    name, i = path[-1]
    if i is None:
        setattr(parent, name, new)
    else:
        getattr(parent, name)[i] = new
    return copy


def function(expression: str, names: list[str]) -> Callable[..., np.ndarray]:
    """f(*arrays) of an expression in these names."""
    code = compile(expression, "<rule>", "eval")
    return lambda *arrays: np.asarray(eval(code, NAMES | dict(zip(names, arrays, strict=True))), dtype=float)


def mutants() -> Iterator[tuple[set[str], str, Callable, list[np.ndarray], int, Callable]]:
    """(kinds, what was done, forward, inputs, which input, its wrong gradient (dy, *inputs))."""
    for forward, arrays, gradients in RULES:
        names = list(arrays)
        f = function(forward, names)
        for name, expression in gradients.items():
            tree = ast.parse(expression, mode="eval").body
            right = rule(f, expression, names)
            y = f(*arrays.values())
            dy = np.random.default_rng(1).normal(size=y.shape)
            true = right(dy, *arrays.values())
            for kinds, text, changed in changes(tree, names):
                wrong = rule(f, ast.unparse(ast.fix_missing_locations(changed)), names)
                try:
                    found = wrong(dy, *arrays.values())
                except Exception:  # the shapes do not go together: nobody would need a diagnosis
                    continue
                if found.shape != true.shape and not kinds & {
                    "missing-sum",
                    "transpose",
                    "wrong-axis",
                    "swapped-operands",
                }:
                    continue
                if found.shape == true.shape and np.allclose(found, true, rtol=1e-3):
                    continue
                if not np.any(found):
                    kinds = kinds | {"zero"}
                yield kinds, f"{forward}: d{name}: {text}", f, list(arrays.values()), names.index(name), wrong


def rule(f: Callable, expression: str, names: list[str]) -> Callable[..., np.ndarray]:
    g = function(expression, ["dy", "y", *names])
    return lambda dy, *arrays: g(dy, f(*arrays), *arrays)
