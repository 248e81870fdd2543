"""Signatures of a compiled library's functions, for which `inspect.signature` is not enough.

CuPy is written in Python and in Cython. Cython's functions and CuPy's ufuncs name their arguments only in the first
line of their docstring: "Module.load(self, bytes cubin)", "add(x1, x2, /, out=None, \\\\*, casting='same_kind')".
"""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

_EMPTY = inspect.Parameter.empty


def signature_of(function: Any) -> inspect.Signature | None:
    """The arguments of a call of `function`, or None where nothing tells them. The bound self is left out."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        signature = None
    if signature is None or _says_nothing(signature):
        return _from_docstring(function)
    parameters = list(signature.parameters.values())
    return signature.replace(parameters=parameters[1:]) if parameters and parameters[0].name == "self" else signature


def is_open(signature: inspect.Signature) -> bool:
    """Does it accept any keyword (**kwargs) or any number of arguments (*args), so that a call proves little?"""
    kinds = {p.kind for p in signature.parameters.values()}
    return bool(kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL})


def _says_nothing(signature: inspect.Signature) -> bool:
    kinds = [p.kind for p in signature.parameters.values() if p.name != "self"]
    return kinds == [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]


def _from_docstring(function: Any) -> inspect.Signature | None:
    texts = [getattr(function, "__doc__", None)]
    if isinstance(function, type):
        texts.append(function.__init__.__doc__)
    for text in texts:
        found = re.match(r"\s*[\w.]+\((.*?)\)\s*(->.*)?$", (text or "").strip().split("\n")[0])
        if found:
            signature = from_text(found[1])
            if signature is not None:
                return None if _says_nothing(signature) else signature
    return None


def from_text(arguments: str) -> inspect.Signature | None:
    r"""From the words between the brackets: "self, bytes cubin", "x, /, out=None, \*, dtype=None", "intptr_t ptr=0"."""
    plain = []
    for part in _split(arguments.replace("\\*", "*")):
        name, equals, _ = part.partition("=")
        name = name.split(":")[0].split()[-1] if name.split() else ""  # the last word; C types and annotations go
        name = name.lstrip("*&") if not part.lstrip().startswith("*") else name
        plain.append(f"{name}{'=None' if equals else ''}")
    if plain and plain[0] == "self":
        plain = plain[1:]
    try:
        tree = ast.parse(f"def f({', '.join(plain)}): pass").body[0]
    except SyntaxError:
        return None
    assert isinstance(tree, ast.FunctionDef)
    return _from_tree(tree.args)


def _from_tree(a: ast.arguments) -> inspect.Signature:
    kind = inspect.Parameter
    places = [(p.arg, kind.POSITIONAL_ONLY) for p in a.posonlyargs]
    places += [(p.arg, kind.POSITIONAL_OR_KEYWORD) for p in a.args]
    first_default = len(places) - len(a.defaults)
    parameters = [
        kind(name, how, default=None if i >= first_default else _EMPTY) for i, (name, how) in enumerate(places)
    ]
    if a.vararg:
        parameters.append(kind(a.vararg.arg, kind.VAR_POSITIONAL))
    for p, default in zip(a.kwonlyargs, a.kw_defaults, strict=True):
        parameters.append(kind(p.arg, kind.KEYWORD_ONLY, default=_EMPTY if default is None else None))
    if a.kwarg:
        parameters.append(kind(a.kwarg.arg, kind.VAR_KEYWORD))
    return inspect.Signature(parameters)


def _split(arguments: str) -> list[str]:
    """At the commas that are not inside brackets."""
    parts, depth = [""], 0
    for c in arguments:
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [p for p in parts if p.strip()]
