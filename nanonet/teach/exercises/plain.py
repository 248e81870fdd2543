r"""LaTeX as plain text: `\frac{a}{b}` and the like, as far as the statements use them, for a terminal."""

from __future__ import annotations

import re

WORDS = {
    r"\partial\,": "∂",
    r"\partial ": "∂",
    r"\partial": "∂",
    r"\sum": "Σ",
    r"\sigma": "σ",
    r"\delta": "δ",
    r"\log": "log ",
    r"\tanh": "tanh",
    r"\qquad": ";",
    r"\quad": "  ",
    r"\;": " ",
    r"\,": " ",
    r"\ ": " ",
}


def plain(markdown: str) -> str:
    """The same Markdown with its `$$…$$` as code blocks in Unicode."""
    return re.sub(r"\$\$(.+?)\$\$", lambda match: f"```text\n{formula(match[1])}\n```", markdown, flags=re.DOTALL)


def formula(latex: str) -> str:
    r"""One formula in a line."""
    text = " ".join(latex.split())
    text = re.sub(r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{", text)
    text = re.sub(r"\\frac(\d)(\w)", r"\1/\2", text)
    text = re.sub(r"\\text\{([^{}]*)\}", r"\1", text)
    for latex_word, word in WORDS.items():
        text = text.replace(latex_word, word)
    before = ""
    while before != text:
        before = text
        text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", _quotient, text)
        text = re.sub(r"([_^])\{(\w)\}", r"\1\2", text)
        text = re.sub(r"([_^])\{([^{}]*)\}(?=.*)", _raised, text)
    text = re.sub(r"Σ_\[(.+?)\]\^\((.+?)\)", r"Σ_[\1 … \2]", text)
    return re.sub(r" +", " ", text).replace(" ;", ";").strip()


def _quotient(match: re.Match[str]) -> str:
    return f"{_grouped(match[1])}/{_grouped(match[2])}"


def _grouped(text: str) -> str:
    text = text.strip()
    return f"({text})" if " " in re.sub(r"∂ ", "∂", text) else text


def _raised(match: re.Match[str]) -> str:
    inner = match[2].strip()
    if inner.isalnum():
        return f"{match[1]}{inner}"
    return f"^({inner})" if match[1] == "^" else f"_[{inner}]"
