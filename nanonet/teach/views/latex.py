"""Names and arrays in LaTeX."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from nanonet.teach.views import arrays

MOST = 6  # rows or columns of a matrix that are written; of more the first ones and the last


def name(text: str) -> str:
    r""" "z" is z, "w1" is w_{1}, "model.0.weight" is \mathrm{model.0.weight}."""
    with_index = re.fullmatch(r"([A-Za-z])_?(\d*)", text)
    if with_index:
        return with_index[1] + (f"_{{{with_index[2]}}}" if with_index[2] else "")
    words = re.sub(r"([\\{}_^%$#&~])", lambda m: {"\\": "", "^": "", "~": ""}.get(m[1], "\\" + m[1]), text)
    return rf"\mathrm{{{words.replace(' ', '~')}}}"


def number(x: Any, digits: int = 4) -> str:
    r"""0.3679, 1.2 \cdot 10^{-5}."""
    text = arrays.number(x, digits)
    mantissa, e, exponent = text.partition("e")
    if text in ("nan", "True", "False"):
        return rf"\mathrm{{{text}}}"
    if "inf" in text:
        return text.replace("inf", r"\infty")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else text


def array(x: Any) -> str:
    """A number, or a bmatrix; a vector as a row. More than two axes: the shape and the range."""
    x = np.asarray(x)
    if x.ndim == 0:
        return number(x[()])
    if x.ndim > 2 or x.size == 0:
        return r" \times ".join(map(str, x.shape)) + rf"\text{{{_range(x)}}}"
    table = x.reshape(1, -1) if x.ndim == 1 else x
    down, across = arrays.some(table.shape[0], MOST), arrays.some(table.shape[1], MOST)
    rows = [
        " & ".join(
            (r"\ddots" if i is None and j is None else r"\vdots" if i is None else r"\cdots")
            if i is None or j is None
            else number(table[i, j])
            for j in across
        )
        for i in down
    ]
    return r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}"


def _range(x: np.ndarray) -> str:
    return f" numbers, {arrays.between(x).replace(' … ', ' to ')}" if x.size else ", empty"


def gradient(of: str) -> str:
    r"""The gradient of what is called `of`, in the documents' notation: dz."""
    return rf"d{name(of)}" if re.fullmatch(r"[A-Za-z]_?\d*", of) else rf"d\,{name(of)}"
