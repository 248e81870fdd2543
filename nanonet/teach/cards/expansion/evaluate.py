"""The value of a printed formula: Python's own parser, after the notation is translated, and nothing but arithmetic."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np

from nanonet.teach.cards.expansion.functions import FUNCTIONS

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
SIGNS = {"·": "*", "^": "**", "≤": "<=", "≥": ">=", "≠": "!=", "[": "(", "]": ")", "∞": "inf"}
NAMES = {"√": "sqrt", "σ": "sigmoid"}
WORDS = {"sqrt": FUNCTIONS["√"], "sigmoid": FUNCTIONS["σ"], "inverted": FUNCTIONS["not"], **FUNCTIONS}
CONSTANTS = {"inf": np.inf, "nan": np.nan, "true": 1.0, "false": 0.0}

_BINARY: dict[type, Any] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.float_power,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.remainder,
}
_COMPARED: dict[type, Any] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}


def evaluate(text: str) -> float:
    """The value of a formula with numbers, as a card prints it: evaluate("1·0.1 + 2·(-0.2)") is -0.3.

    Understands + - · / // mod ^ ² √ σ, the functions of `FUNCTIONS`, comparisons in brackets (1 or 0), and
    "… + 0.0132 (781 more terms)". Anything else raises ValueError.
    """
    try:
        tree = ast.parse(python(text), mode="eval")
    except SyntaxError as error:
        raise ValueError(f"evaluate: {text!r} is no formula: {error.msg}") from None
    with np.errstate(all="ignore"):
        return float(_value(tree.body, text))


def python(text: str) -> str:
    """The formula in Python's notation."""
    text = re.sub(r"\(\d+ [a-z][a-z0-9 ]*\)", "", text)  # (781 more terms)
    text = re.sub(r"…\s*[+·,]", "", text)
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: f"**({m[0].translate(SUPERSCRIPTS)})", text)
    text = re.sub(r"([a-z])([₀-₉]+)\(", lambda m: f"{m[1]}({m[2].translate(SUBSCRIPTS)}, ", text)
    text = re.sub(r"(?<![<>=!])=(?!=)", "==", text)
    for sign, translation in {**SIGNS, **NAMES}.items():
        text = text.replace(sign, translation)
    return re.sub(r"\bmod\b", "%", re.sub(r"\bnot\(", "inverted(", text)).strip()


def _value(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return np.float64(node.value)
    if isinstance(node, ast.Name) and node.id in CONSTANTS:
        return np.float64(CONSTANTS[node.id])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, text)
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left, text), _value(node.right, text))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARED:
        compare = _COMPARED[type(node.ops[0])]
        return np.float64(compare(_value(node.left, text), _value(node.comparators[0], text)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WORDS and not node.keywords:
        return np.float64(WORDS[node.func.id](*[_value(arg, text) for arg in node.args]))
    raise ValueError(f"evaluate: {text!r} has {ast.unparse(node)!r}; expected numbers, operators and known functions")
