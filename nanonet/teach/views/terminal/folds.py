"""The list of steps, folded by phase and module: which rows there are, and what a module's row stands for."""

from __future__ import annotations

from dataclasses import dataclass

from nanonet.teach.trace import Step, Trace

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
        self.of_step: list[list[tuple[int, int]]] = [[] for _ in trace.steps]
        for key, last in sorted(self.groups.items(), key=lambda item: item[0][1]):
            for index in range(key[0], last + 1):
                self.of_step[index].append(key)
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
            begun = [key for key in self._around(index) if key[0] == index]
            folded = next((key for key in begun if key in self.folded), None)
            for key in begun[: len(begun) if folded is None else begun.index(folded) + 1]:
                rows.append(self._module(key, key == folded))
            if folded is None:
                rows.append(self._step(step))
                index += 1
            else:
                index = self.groups[folded] + 1
        return rows

    def _module(self, key: tuple[int, int], folded: bool) -> Row:
        first, depth = key
        within = max((one for _, one in self._around(first) if one < depth), default=-1)
        name = ".".join(self.trace.steps[first].module[within + 1 : depth + 1])
        level = sum(one < depth for _, one in self._around(first))
        return Row("module", level, first, self.groups[key], name, folded)

    def _step(self, step: Step) -> Row:
        around = self._around(step.index)
        alone = step.module[max((depth for _, depth in around), default=-1) + 1 :]  # modules of this step only
        return Row(
            "step", len(around), step.index, step.index, f"{'.'.join(alone)}: {step.title}" if alone else step.title
        )

    def _around(self, index: int) -> list[tuple[int, int]]:
        """The groups that a step is in, the outermost first."""
        return self.of_step[index]

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
        around = self._around(index)
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
        return min((self.groups[key] for key in self._around(index)), default=index)


def _groups(trace: Trace) -> dict[tuple[int, int], int]:
    """{(first step, depth): last step} of each run of several steps in the same module."""
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
    return {key: last for key, last in groups.items() if last > key[0]}
