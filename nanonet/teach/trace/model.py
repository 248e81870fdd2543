"""What a trace is made of: nodes (tensors), steps (computations), and the changes that each step made.

A trace is written once, while the engine computes, and only read afterwards. Its arrays are copies of the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from nanonet.op import Op

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Site:
    """A line of the user's code."""

    file: str
    line: int
    function: str = ""

    @property
    def name(self) -> str:
        """The file without its folder; "cell" in a notebook, where each cell is a file with a name of its own."""
        path = Path(self.file)
        return "cell" if path.parent.name.startswith("ipykernel_") else path.name

    @property
    def place(self) -> str:
        """ "model.py:12"."""
        return f"{self.name}:{self.line}"


@dataclass(frozen=True)
class Node:
    """A tensor that took part.

    id          its number; nodes are numbered in the order in which they were met
    name        the variable's name in the user's code, the parameter's ("model.0.weight"), or "tanh 7"
    kind        "input", "parameter", "constant", "number" (a Python number in the code) or "result"
    op          the operation that made it; "" for leaves
    wants_grad  will a gradient be computed for it?
    module      names of the modules within whose call it was made: ("model", "0"); () outside
    site        the line that made it; None for leaves
    output      which of its operation's outputs it is
    """

    id: int
    name: str
    kind: str
    op: str
    shape: tuple[int, ...]
    dtype: str
    wants_grad: bool
    module: tuple[str, ...] = ()
    site: Site | None = None
    output: int = 0


@dataclass(frozen=True)
class Change:
    """What a step changed of one node: its "value", its "grad" (as far as it is added up), or its "stored" `.grad`."""

    node: int
    part: str
    before: np.ndarray | None
    after: np.ndarray | None


@dataclass(frozen=True)
class Contribution:
    """What one use of a tensor adds to its gradient: `consumer` is the step of the forward that used it, `position`
    at which of its inputs. `raw` is what the operation's backward gave, `array` the same after un-broadcasting."""

    node: int
    consumer: int
    position: int
    raw: np.ndarray
    array: np.ndarray


@dataclass(frozen=True)
class Call:
    """The rule that ran and what it was given: copies, in the order of the rule's arguments.

    In a forward `arrays` are the inputs and `results` the outputs; in a backward `arrays` are the dys, one for each
    output (None where nothing came), and `results` the gradients of the inputs (None where none is wanted); in an
    update `arrays` are p, g and the memory, `results` the new p and the new memory.
    """

    rule: Callable[..., Any]
    arrays: tuple[Any, ...]
    attrs: Mapping[str, Any]
    results: tuple[Any, ...]
    saved: Any = None


@dataclass(frozen=True, repr=False)
class Step:
    """One computation.

    phase       "forward", "backward" or "update"
    kind        forward: "forward". backward: "seed" (the loss's own gradient), "backward" (an op's backward),
                "unbroadcast" (the sum over copies), "accumulate" (one more use: +=), "hook" (a hook's replacement),
                "store" (into `.grad`). update: "update" (an optimizer's rule), "assign" (user code wrote a value),
                "zero_grad".
    op          the operation, for the kinds forward and backward
    title       the operation's or the rule's name
    inputs      nodes read: of a forward its inputs, of a backward its outputs (whose gradients it reads)
    outputs     nodes written: of a forward its outputs, of a backward the inputs whose gradients it makes
    forward     of a backward, unbroadcast or accumulate: the index of the forward step it belongs to
    """

    index: int
    phase: str
    kind: str
    title: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    changes: tuple[Change, ...]
    op: type[Op] | None = None
    call: Call | None = None
    contributions: tuple[Contribution, ...] = ()
    forward: int | None = None
    module: tuple[str, ...] = ()
    site: Site | None = None

    @property
    def formula(self) -> str:
        """As the op's author wrote it: "y = tanh x", or of a backward "dx = dy ⊙ (1 - y²)"; "" of other steps.

        `card(trace, step.index)` from `nanonet.teach.cards.card` has it with the numbers put in.
        """
        formulas = self.op.formulas() if self.op is not None else {}
        backward = self.kind == "backward"
        return "; ".join(f"{name} = {text}" for name, text in formulas.items() if name.startswith("d") == backward)

    def __repr__(self) -> str:
        """In one line: its arrays would fill the screen."""
        what = f"{self.title}, {self.phase}" if self.kind in ("forward", "backward", "update") else self.title
        at = f", {self.site.place}" if self.site else ""
        return f"<step {self.index}: {what}{at}>"


@dataclass(repr=False)
class Trace:
    """What a run did. `position` i of a debugger means: the first i steps have been made.

    nodes, steps    in the order of recording; a node's or step's number is its place in the list
    given           the first value of each leaf: known from the start
    stored          what leaves held in `.grad` before
    roots           nodes that `backward()` started from: the loss
    sources         {file: its lines}, of every file that a step points into
    result          what the traced function returned (None for `tracing()`)
    """

    nodes: list[Node] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    given: dict[int, np.ndarray] = field(default_factory=dict)
    stored: dict[int, np.ndarray] = field(default_factory=dict)
    roots: list[int] = field(default_factory=list)
    sources: dict[str, list[str]] = field(default_factory=dict)
    result: Any = None

    def contributions(self, node: int, position: int | None = None) -> list[Contribution]:
        """The terms of a node's gradient in the order in which they came, up to a position; of the last walk only."""
        found: list[Contribution] = []
        for step in self.steps[:position]:
            if step.kind == "seed":
                found = []
            found += [one for one in step.contributions if one.node == node]
        return found

    def maker(self, node: int) -> Step | None:
        """The step of the forward that made a node; None for a leaf."""
        return next((step for step in self.steps if step.kind == "forward" and node in step.outputs), None)

    def consumers(self, node: int) -> list[Step]:
        """The steps of the forward that read a node."""
        return [step for step in self.steps if step.kind == "forward" and node in step.inputs]

    def __repr__(self) -> str:
        """In one line: how many steps of which phase, how many tensors."""
        return import_module("nanonet.teach.views.terminal.lines").summary(self)

    def text(self) -> str:
        """All steps as a table, for `print`: at most 80 columns."""
        return import_module("nanonet.teach.views.terminal.lines").table(self)

    def to_markdown(self, path: str | PathLike[str] | None = None, steps: Iterable[int] | None = None) -> str:
        """The code, each step (or those of `steps`, counted from 0) with its formulas in LaTeX, and what came out.

        Returns the Markdown, and writes it to `path` if one is given. Raises IndexError for a step that is not there.
        """
        return import_module("nanonet.teach.views.markdown").to_markdown(self, path, steps)

    def _repr_html_(self) -> str:
        """What notebooks show: a line for each step, which opens to its card."""
        return import_module("nanonet.teach.views.notebook").to_notebook(self)

    def show(self, height: int = 720) -> object:
        """In a notebook: the page of `to_html` to click through, inside the cell."""
        return import_module("nanonet.teach.views.notebook").show(self, height)

    def to_html(self, path: str | PathLike[str], title: str = "") -> Path:
        """Write it as a page of one file, to step through in a browser, without a network; returns the path."""
        return import_module("nanonet.teach.views.page").write(self, path, title)

    def to_svgs(self, folder: str | PathLike[str], progress: Progress | None = None) -> list[Path]:
        """Write folder/step-000.svg, …: a picture of each position, for slides; returns the files."""
        return import_module("nanonet.teach.views.animation").to_svgs(self, folder, progress)

    def to_gif(self, path: str | PathLike[str], seconds: float = 1.2, progress: Progress | None = None) -> Path:
        """Write an animated GIF that shows each position for `seconds`; `progress(done, total)` is called for each."""
        return import_module("nanonet.teach.views.animation").to_gif(self, path, seconds, progress)

    def to_mp4(self, path: str | PathLike[str], seconds: float = 1.2, progress: Progress | None = None) -> Path:
        """Write the same as a film. Raises ImportError, which says what to do, where the program ffmpeg is missing."""
        return import_module("nanonet.teach.views.animation").to_mp4(self, path, seconds, progress)
