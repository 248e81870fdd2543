"""Where a network sees the beginning and the end of an answer."""

from __future__ import annotations

import io
from typing import Any

import numpy as np


def where_the_answer_is(encoding: Any, start: np.ndarray, end: np.ndarray, question: str) -> bytes:
    """The probabilities of both ends at each token of an encoded (question, passage); PNG."""
    from matplotlib.figure import Figure

    shown = [place for place, part in enumerate(encoding.sequence_ids) if part == 1]
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots()
    for shift, name, logits, colour in ((-0.2, "begins", start, "#27a"), (0.2, "ends", end, "#c44")):
        p = np.exp(logits[shown] - logits[shown].max())
        axes.bar(np.arange(len(shown)) + shift, p / p.sum(), 0.4, color=colour, label=f"the answer {name}")
    axes.set_xticks(range(len(shown)), [encoding.tokens[place] for place in shown], rotation=90, fontsize=7)
    axes.set_ylabel("probability")
    axes.set_title(question, fontsize=10)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()
