"""A trace as pictures, one for each step: SVG files for slides, an animated GIF, an MP4. All are drawn alike."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nanonet.teach.cards.card import card
from nanonet.teach.trace import State, Step, Trace, replayed
from nanonet.teach.trace.model import Progress
from nanonet.teach.views.arrays import between, inline, shape
from nanonet.teach.views.folding import Folded, folded
from nanonet.teach.views.layout import layered

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 40  # boxes in one picture
WHOLE = 6  # entries of an array that is written out
GAP = 7  # between two columns of boxes, in characters
PAPER, INK, SOFT, RULE, CARD = "#fbfaf7", "#1f2328", "#5d6570", "#dcdad3", "#ffffff"
PHASES = {"forward": "#1668a8", "backward": "#b4531a", "update": "#1a7f37"}
SIZE = (12.8, 7.2)  # inches, at 100 dots each


class Drawing:
    """Draws positions of a trace, all on the same layout. `most` is the number of boxes above which modules are folded.

    Raises ValueError for a trace without steps, and for one with more boxes when every module is folded.
    """

    def __init__(self, trace: Trace, most: int = MOST) -> None:
        if not trace.steps:
            raise ValueError("picture: the trace has no steps; run something within nt.tracing()")
        self.trace = trace
        self.folded: Folded = folded(trace, most)
        self.places = layered(list(self.folded.boxes), self.folded.edges)
        self.middle, self.width = self._columns()

    def figures(self) -> Iterator[Figure]:
        """One figure for each position from 0 to the end."""
        state = State(self.trace)
        yield self.figure(state, None)
        while state.position < len(self.trace.steps):
            yield self.figure(state, state.make())

    def figure(self, state: State, step: Step | None) -> Figure:
        """The graph at one position, with the card of the step that was made last."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=SIZE, facecolor=PAPER)
        graph = figure.add_axes((0.02, 0.24, 0.96, 0.68))
        self._graph(graph, state, step)
        self._header(figure, state, step)
        self._card(figure, step)
        return figure

    def _columns(self) -> tuple[dict[int, float], float]:
        """Where each column of boxes has its middle, and where the last one ends, in characters of the widest texts."""
        state = replayed(self.trace, len(self.trace.steps))
        wide: dict[int, int] = {}
        for box, (column, _) in self.places.items():
            longest = max(len(line) for line in self._text(box, state).split("\n"))
            wide[int(column)] = max(wide.get(int(column), 0), longest, len("grad not yet"))
        middle: dict[int, float] = {}
        right = 0.0
        for column in sorted(wide):
            middle[column] = right + wide[column] / 2
            right += wide[column] + GAP
        return middle, right - GAP

    def _graph(self, axes: Any, state: State, step: Step | None) -> None:
        rows = [y for _, y in self.places.values()]
        axes.set(xlim=(-1, self.width + 1), ylim=(max(rows) + 0.6, min(rows) - 0.6))
        axes.axis("off")
        size = min(11.0, 2050 / (self.width + 2), 150 / (max(rows) - min(rows) + 1))
        touched = self._touched(step)
        color = PHASES[step.phase] if step else SOFT
        boxes: dict[int, Any] = {}
        for box, (column, row) in self.places.items():
            frame: dict[str, Any] = {
                "boxstyle": "round,pad=0.45",
                "facecolor": CARD,
                "edgecolor": color if box in touched else RULE,
            }
            frame["linewidth"] = 2.2 if box in touched else 1.0
            place = self.middle[int(column)], row
            style = {"ha": "center", "va": "center", "fontsize": size, "color": INK, "bbox": frame, "zorder": 2}
            boxes[box] = axes.text(*place, self._text(box, state), **style)
        for a, b in self.folded.edges:
            active = a in touched and b in touched
            start, end = (b, a) if active and step and step.phase == "backward" else (a, b)
            style = {"arrowstyle": "-|>", "color": color if active else "#b6b3aa", "lw": 2.2 if active else 1.0}
            style |= {"patchA": boxes[start].get_bbox_patch(), "patchB": boxes[end].get_bbox_patch()}
            style |= {"shrinkA": 2, "shrinkB": 2, "mutation_scale": 12, "connectionstyle": "arc3,rad=0.04"}
            axes.annotate("", boxes[end].get_position(), boxes[start].get_position(), arrowprops=style, zorder=3)

    def _touched(self, step: Step | None) -> set[int]:
        if step is None:
            return set()
        forward = self.trace.steps[step.forward] if step.forward is not None else step
        nodes = [*step.inputs, *step.outputs] + (
            list(forward.outputs) if step.kind in ("unbroadcast", "accumulate") else []
        )
        return {self.folded.box_of[node] for node in nodes}

    def _text(self, box: int, state: State) -> str:
        nodes = self.folded.boxes[box]
        label = self.folded.labels[box]
        if len(nodes) > 1:
            done = sum(state.value(n) is not None for n in nodes)
            back = sum(state.grad(n) is not None for n in nodes)
            return f"{_plain(label)}\n{done} of {len(nodes)} values\n{back} gradients"
        node = self.trace.nodes[box]
        if node.kind == "number":
            return node.name  # which is its value
        name = node.name if node.op in ("", node.name.split()[0]) else f"{node.name} = {node.op}"
        value = state.value(box)
        lines = [_plain(name), _short(value) if value is not None else "not yet"]
        if node.wants_grad:
            grad = state.grad(box)
            lines.append(f"grad {_short(grad) if grad is not None else 'not yet'}")
        return "\n".join(lines)

    def _header(self, figure: Any, state: State, step: Step | None) -> None:
        title = "start" if step is None else f"{step.phase}: {step.title}"
        color = PHASES[step.phase] if step else SOFT
        figure.text(0.03, 0.945, title, fontsize=17, weight="bold", color=color)
        figure.text(
            0.97, 0.945, f"step {state.position} of {len(self.trace.steps)}", fontsize=12, color=SOFT, ha="right"
        )

    def _card(self, figure: Any, step: Step | None) -> None:
        if step is None:
            figure.text(0.03, 0.15, "The leaves are known; nothing has been computed.", fontsize=12, color=SOFT)
            return
        found = card(self.trace, step.index)
        code = ""
        if step.site is not None and step.site.file in self.trace.sources:
            lines = self.trace.sources[step.site.file]
            code = lines[step.site.line - 1].strip() if step.site.line <= len(lines) else ""
            code = f"{step.site.place}   {code}"
        for i, line in enumerate([*found.lines, code]):
            style = {"family": "DejaVu Sans Mono", "fontsize": 11.5, "color": SOFT if i == len(found.lines) else INK}
            figure.text(0.03, 0.185 - 0.045 * i, _plain(line if len(line) <= 130 else line[:129] + "…"), **style)


def _short(array: np.ndarray) -> str:
    """A small array whole, a large one by its shape and range."""
    return inline(array) if array.size <= WHOLE else f"{shape(array.shape)}: {between(array)}"


def _plain(text: str) -> str:
    """Without matplotlib's own formulas."""
    return text.replace("$", r"\$")


def to_svgs(trace: Trace, folder: str | Path, progress: Progress | None = None, most: int = MOST) -> list[Path]:
    """Write folder/step-000.svg, …: one for each position. Text stays text. Returns the files."""
    drawing = Drawing(trace, most)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(len(trace.steps))))
    files: list[Path] = []
    for position, figure in enumerate(drawing.figures()):
        files.append(folder / f"step-{position:0{digits}}.svg")
        from matplotlib import rc_context

        with rc_context({"svg.fonttype": "none", "svg.hashsalt": "nanonet"}):
            figure.savefig(files[-1], format="svg", metadata={"Date": None})
        if progress:
            progress(position, len(trace.steps))
    return files


def to_gif(
    trace: Trace, path: str | Path, seconds: float = 1.2, progress: Progress | None = None, most: int = MOST
) -> Path:
    """Write an animated GIF that shows each position for `seconds` and the last one longer."""
    from PIL import Image

    _check_seconds(seconds)
    images = [
        Image.fromarray(pixels).convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
        for pixels in _pixels(trace, progress, most)
    ]
    durations = [round(1000 * seconds)] * (len(images) - 1) + [round(3000 * seconds)]
    path = Path(path)
    images[0].save(path, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return path


def to_mp4(
    trace: Trace, path: str | Path, seconds: float = 1.2, progress: Progress | None = None, most: int = MOST
) -> Path:
    """Write an MP4 (H.264). Needs the program ffmpeg; raises ImportError, which says so, where it is missing."""
    import subprocess

    _check_seconds(seconds)
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise ImportError("to_mp4: needs the program ffmpeg; install it (Debian: apt install ffmpeg), or use to_gif")
    width, height = (round(100 * inches) for inches in SIZE)
    reading = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{1 / seconds:.6f}", "-i", "-"]
    writing = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-r", "10", "-movflags", "+faststart", str(path)]
    command = [ffmpeg, "-y", "-loglevel", "error", *reading, *writing]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for pixels in _pixels(trace, progress, most):
            process.stdin.write(pixels.tobytes())
        process.stdin.close()
        said = process.stderr.read().decode(errors="replace").strip()
        if process.wait():
            raise OSError(f"to_mp4: ffmpeg failed: {said[-300:]}")
    return Path(path)


def _pixels(trace: Trace, progress: Progress | None, most: int) -> Iterator[np.ndarray]:
    """(height, width, 3) bytes for each position."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for position, figure in enumerate(Drawing(trace, most).figures()):
        figure.set_dpi(100)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()
        if progress:
            progress(position, len(trace.steps))


def _check_seconds(seconds: float) -> None:
    if not 0 < seconds < 3600:
        raise ValueError(f"animation: expected seconds per step > 0, got {seconds}")
