"""A trace as a page of one file: the graph, the steps, the cards and the code, to click through."""

from __future__ import annotations

from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

from nanonet.htmlpage import count, document, resource
from nanonet.teach.trace.model import Trace
from nanonet.teach.views.page.data import as_json, page_data
from nanonet.training.checkpoint import write_atomically

MARK = "nanonet trace"
PLACE = "nanonet.teach.views.page"
STYLES = ("page.css", "graph.css", "panel.css", "print.css")
SCRIPTS = ("model.js", "matrix.js", "layout.js", "draw.js", "zoom.js", "card.js", "tensor.js", "keys.js")
SAFE = (  # the page itself forbids every request; the empty icon keeps browsers from asking for one
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    'script-src \'unsafe-inline\'; img-src data:"><link rel="icon" href="data:,">'
)


def write(trace: Trace, path: str | PathLike[str], title: str = "") -> Path:
    """Writes the page of a trace to a file; returns its path. The page needs no network."""
    write_atomically(Path(path), page(trace, title).encode())
    return Path(path)


def page(trace: Trace, title: str = "") -> str:
    """The page of a trace, as text."""
    title = title or _title(trace)
    data = page_data(trace)
    body = resource(PLACE, "page.html").replace("{title}", escape(title)).replace("{summary}", escape(_summary(trace)))
    body = body.replace("{note}", escape(_note(data))).replace("{data}", as_json(data))
    style = "".join(resource(PLACE, name) for name in STYLES)
    script = "\n".join(resource(PLACE, name) for name in ("vendor/dagre.min.js", *SCRIPTS))
    text = document(title, body, style, script, MARK)
    text = text.replace('<meta name="generator"', f'{SAFE}<meta name="generator"', 1)
    return text.replace("<body>", f'<body data-step="0" data-steps="{len(trace.steps)}">', 1)


def _title(trace: Trace) -> str:
    names = [trace.nodes[root].name.partition(" (")[0] for root in trace.roots[:1]]
    return f"Backpropagation of {names[0]}, step by step" if names else "A forward pass, step by step"


def _summary(trace: Trace) -> str:
    phases = {phase: sum(step.phase == phase for step in trace.steps) for phase in ("forward", "backward", "update")}
    steps = ", ".join(f"{number:,} {phase}" for phase, number in phases.items() if number)
    return f"{count(trace.nodes, 'tensor')}, {count(trace.steps, 'step')}{': ' if steps else ''}{steps}"


def _note(data: dict[str, Any]) -> str:
    """What was left out, so that the page stays small."""
    left_out = sum("data" not in one for one in data["arrays"])
    parts: list[str] = []
    if left_out:
        which = f"{left_out:,} of {count(data['arrays'], 'array')} did not fit into the page"
        parts.append(f"{which}: shape, least, largest and mean entry and a coarse map stand for them.")
    if data["cards"]["whole"] < len(data["steps"]):
        parts.append(f"After step {data['cards']['whole']:,} the cards give the formulas without the numbers.")
    return " ".join(parts)
