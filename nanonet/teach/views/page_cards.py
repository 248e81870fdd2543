"""The card of a step as a page shows it: words only, so that the page's script has nothing to work out."""

from __future__ import annotations

from typing import Any

from nanonet.teach.trace.model import Trace


def card_words(trace: Trace, index: int) -> dict[str, Any]:
    """Title, lines (label, text), remarks and Jacobian of a step's card."""
    step = trace.steps[index]
    formulas = step.op.formulas() if step.op else {}
    if step.kind == "forward":
        lines = [("formula", f"y = {formulas['y']}")] if "y" in formulas else []
    else:
        lines = [("formula", f"{name} = {text}") for name, text in formulas.items() if name.startswith("d")]
    return {"title": step.title, "lines": lines, "remarks": []}
