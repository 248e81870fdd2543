"""A trace in a notebook cell: every step as a line that opens to its card. No script, nothing from the network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from nanonet.htmlpage import resource
from nanonet.teach.trace import Step, Trace
from nanonet.teach.views.progress import code, place
from nanonet.teach.views.terminal.lines import in_short, terms_in_short
from nanonet.teach.views.terminal.stepper import Stepper

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_STEPS = 60  # of a longer trace the first and the last are shown
MOST_BYTES = 180_000
ROOM = 72  # characters for a value


def to_notebook(trace: Trace) -> str:
    """HTML for `_repr_html_`, under 200 kB however long the trace is."""
    most = MOST_STEPS
    while True:
        text = _cell(trace, most)
        if len(text.encode()) <= MOST_BYTES or most <= 2:
            return text
        most //= 2


def _cell(trace: Trace, most: int) -> str:
    count = len(trace.steps)
    first = count if count <= most else (most + 1) // 2
    last = 0 if count <= most else most // 2
    stepper = Stepper(trace)
    parts = [_step(stepper, index) for index in range(first)]
    if first + last < count:
        left_out = f"steps {first + 1:,} to {count - last:,} are left out here ({count - first - last:,} of {count:,})"
        parts.append(f'<details open><summary class="soft">… {left_out}</summary></details>')
    parts += [_step(stepper, index) for index in range(count - last, count)]
    style = resource("nanonet.teach.views", "notebook.css")
    return f'<div class="nanonet-trace"><style>{style}</style><p>{escape(repr(trace))}</p>{"".join(parts)}</div>'


def _step(stepper: Stepper, index: int) -> str:
    step = stepper.trace.steps[index]
    stepper.seek(index + 1)
    names = ", ".join(stepper.trace.nodes[node].name for node in step.outputs[:4])
    more = ", …" if len(step.outputs) > 4 else ""
    module = f'<span class="soft">{escape(".".join(step.module))}</span>' if step.module else ""
    head = (
        f'<span class="number">{index + 1}</span><b>{escape(step.phase)}: {escape(step.title)}</b>'
        f"<code>{escape(names + more)}</code>{module}"
    )
    return f'<details class="{step.phase}"><summary>{head}</summary>{_card(stepper, step)}</details>'


def _card(stepper: Stepper, step: Step) -> str:
    card = stepper.card()
    assert card is not None, "there is a step"
    line = code(stepper.trace, step)
    source = f"<pre>{escape(place(step))}  {escape(line)}</pre>" if line else ""
    rows = "".join(f"<tr><th>{escape(label)}</th><td>{escape(text)}</td></tr>" for label, text, _ in card.lines)
    remarks = "".join(f"<p>{escape(remark)}</p>" for remark in card.remarks)
    return f'{source}<div class="card"><table>{rows}</table>{remarks}<table>{"".join(_tensors(stepper))}</table></div>'


def _tensors(stepper: Stepper) -> Iterator[str]:
    yield "<tr><th>tensor</th><th>value</th><th>gradient</th></tr>"
    for number in stepper.involved()[:12]:
        value, gradient, words = in_short(stepper, number, ROOM)
        terms = terms_in_short(stepper, number) if gradient else ""
        note = f'<br><span class="soft">{escape(terms)}</span>' if terms else ""
        name = escape(stepper.trace.nodes[number].name)
        yield f"<tr><td>{name}</td><td>{escape(value)}</td><td>{escape(gradient or words)}{note}</td></tr>"


class Shown:
    """The page to click through, inside a notebook cell: `Trace.show()`. It is a frame with the page in it."""

    def __init__(self, page: str, height: int) -> None:
        self.page, self.height = page, height

    def _repr_html_(self) -> str:
        source = escape(self.page, quote=True)
        style = f"width:100%;height:{self.height}px;border:0"
        return f'<iframe title="The trace, step by step" style="{style}" srcdoc="{source}"></iframe>'


def show(trace: Any, height: int = 720) -> Shown:
    """The page of `Trace.to_html`, embedded in the notebook itself, so that it is there without any file or network."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.html"
        trace.to_html(path)
        return Shown(path.read_text(encoding="utf-8"), height)
