"""The list of steps, folded by phase and module: which rows there are, and what a module's row stands for."""

from __future__ import annotations

from dataclasses import dataclass

from nanonet.teach.trace import Trace

OPEN_UP_TO = 40  # steps; a longer trace starts with its modules folded


@dataclass(frozen=True)
class Row:
    """A row of the list: a phase's heading, a module, or a step. It stands for the steps from `first` to `last`."""

    kind: str
    depth: int
    first: int
    last: int
    text: str
    folded: bool = False


class Folds:
    """Consecutive steps of the same module are one group; a folded group is one row."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.groups = _groups(trace)
        self.folded = set(self.groups) if len(trace.steps) > OPEN_UP_TO else set[tuple[int, int]]()
        self._rows: list[Row] | None = None

    def rows(self) -> list[Row]:
        """All rows from the top, without those inside folded groups."""
        if self._rows is None:
            self._rows = self._listed()
        return self._rows

    def _listed(self) -> list[Row]:
        rows: list[Row] = []
        phase, index = "", 0
        while index < len(self.trace.steps):
            step = self.trace.steps[index]
            if step.phase != phase:
                phase = step.phase
                rows.append(Row("phase", 0, index, index, phase))
            for depth, name in enumerate(step.module):
                last = self.groups.get((index, depth))
                if last is None:  # it began earlier
                    continue
                folded = (index, depth) in self.folded
                rows.append(Row("module", depth, index, last, name, folded))
                if folded:
                    index = last
                    break
            else:
                rows.append(Row("step", len(step.module), index, index, step.title))
            index += 1
        return rows

    def row_of(self, index: int) -> int:
        """Which row shows this step: its own, or the folded module that it is in. 0 for no step."""
        rows = self.rows()
        found = 0
        for number, row in enumerate(rows):
            if row.kind != "phase" and row.first <= index <= row.last:
                found = number
        return found

    def toggle(self, index: int) -> str:
        """Fold the innermost module of a step, or unfold the outermost folded one; returns its name, "" for none."""
        around = [key for key, last in self.groups.items() if key[0] <= index <= last]
        around.sort(key=lambda key: key[1])
        if not around:
            return ""
        hidden = [key for key in around if key in self.folded]
        key = hidden[0] if hidden else around[-1]
        self.folded ^= {key}
        self._rows = None
        return ".".join(self.trace.steps[key[0]].module[: key[1] + 1])

    def toggle_all(self) -> bool:
        """Fold all modules, or unfold all where some are folded; returns whether they are folded now."""
        self.folded = set() if self.folded else set(self.groups)
        self._rows = None
        return bool(self.folded)

    def beyond(self, index: int) -> int:
        """The last step of the innermost module that a step is in; the step itself outside all modules."""
        step = self.trace.steps[index]
        around = [last for key, last in self.groups.items() if key[0] <= index <= last and key[1] < len(step.module)]
        return min(around, default=index)


def _groups(trace: Trace) -> dict[tuple[int, int], int]:
    """{(first step, depth): last step} of each run of steps in the same module."""
    groups: dict[tuple[int, int], int] = {}
    open_ones: list[tuple[int, int]] = []
    path: tuple[str, tuple[str, ...]] = ("", ())
    for index, step in enumerate(trace.steps):
        same = 0
        if step.phase == path[0]:
            pairs = zip(step.module, path[1], strict=False)
            same = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(step.module), len(path[1])))
        del open_ones[same:]
        open_ones += [(index, depth) for depth in range(same, len(step.module))]
        for key in open_ones:
            groups[key] = index
        path = step.phase, step.module
    return groups
