"""Which operation of a graph has the wrong backward? Each entry of the tape is checked at its recorded inputs.

Where every one of them is right and the whole is wrong, the mistake is in what joins them: a value that left the
graph and came back as a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanonet.gradcheck.graph.entry import BackwardError, Cotangents, Recorded, examine, suspicious
from nanonet.gradcheck.graph.joints import JOINED, leaks
from nanonet.gradcheck.graph.sites import watched
from nanonet.gradcheck.report import Report
from nanonet.tape import Entry, recorded
from nanonet.tensor import Tensor, gradients

MANY = 300  # entries, beyond which alike ones are looked at FEW times first
FEW = 3
Again = Callable[[], Sequence[Tensor]]


@dataclass(frozen=True)
class Place:
    """An operation whose backward is wrong.

    op          its name
    number      in the order of execution, from 1, among the `count` operations that were recorded
    index       which of its inputs gets a wrong gradient; None where it raises an error
    report      of this operation alone, at the inputs at which it was recorded
    file, line  where it was called; "" and 0 where that is not known
    others      how many more were found wrong
    """

    op: str
    number: int
    count: int
    index: int | None
    report: Report
    file: str = ""
    line: int = 0
    others: int = 0


def guilty_op(outputs: Sequence[Tensor], dys: Sequence[np.ndarray], again: Again | None = None) -> Place | None:
    """The first operation, in the order of execution, whose backward is wrong; None where all are right.

    outputs     of the function, with their graph
    dys         their cotangents, in their shapes
    again       runs the function once more at the same inputs, with recording on, and gives its outputs: the tape
                does not know who called an operation, so the file and line come from a second run

    Every entry is checked at the cotangent that reaches it and at a random one.
    """
    with np.errstate(all="ignore"):
        return _guilty(outputs, dys, again)


def _guilty(outputs: Sequence[Tensor], dys: Sequence[np.ndarray], again: Again | None) -> Place | None:
    entries = recorded(outputs)
    reaching = _reaching(outputs, dys, entries)
    rng = np.random.default_rng(0)
    guilty: list[tuple[int, Report]] = []
    for number in _order(entries):
        report = _judged(entries[number], reaching.get(entries[number]), rng)
        if report is not None:
            guilty.append((number, report))
            if len(entries) > MANY:  # it is known what to look for
                return _first_alike(entries, number, report, reaching, rng, again)
    if not guilty:
        return None
    number, report = min(guilty, key=lambda one: one[0])
    return _place(entries, number, report, len(guilty) - 1, again)


def describe(place: Place) -> str:
    """One line: the operation, where it was called, what is wrong with it."""
    called = f" at {_short(place.file)}:{place.line}" if place.file else ""
    what = f"its gradient of input {place.index}" if place.index is not None else "its backward"
    why = place.report.cause.sentence if place.report.cause and place.report.cause.kind != "unknown" else "is wrong"
    why = f"is wrong: {why}" if why != "is wrong" else why
    more = f" (and {place.others} more)" if place.others else ""
    return f"{place.op}, operation {place.number} of {place.count}{called}: {what} {why}{more}"


def place_in_words(again: Again, inputs: Sequence[Tensor], dys: Sequence[np.ndarray]) -> str:
    """Why a composed function's gradient is wrong, in one line: a guilty operation, or a value that left the graph.

    again   runs the function at `inputs`, which want gradients, with recording on, and gives its outputs
    """
    with np.errstate(all="ignore"):
        place = guilty_op(again(), dys, again)
        found = leaks(again, inputs) if place is None else []
    if place is not None:
        return describe(place) if place.count > 1 else ""
    return f"{JOINED}: {'; '.join(found[:3])}" if found else ""


def _reaching(outputs: Sequence[Tensor], dys: Sequence[np.ndarray], entries: list[Entry]) -> dict[Entry, Cotangents]:
    """The cotangents that reach each entry in a walk from `dys`: each entry's hooks see them."""
    found: dict[Entry, Cotangents] = {}
    before = [(entry, entry.hooks) for entry in entries]

    def keeper(entry: Entry, index: int) -> Callable[[np.ndarray], np.ndarray]:
        def keep(dy: np.ndarray) -> np.ndarray:
            found.setdefault(entry, [None] * (len(entry.outputs) or 1))[index] = np.array(dy)
            return dy

        return keep

    try:
        for entry in entries:
            keepers = [(index, keeper(entry, index)) for index in range(len(entry.outputs) or 1)]
            entry.hooks = [*(entry.hooks or []), *keepers]
        pairs = [
            (y, Tensor(dy, dtype=y.dtype, device=y.device))
            for y, dy in zip(outputs, dys, strict=True)
            if y.requires_grad
        ]
        gradients([y for y, _ in pairs], [dy for _, dy in pairs], create_graph=False, retain_graph=True)
    except Exception:  # a backward raised: what was reached until then is known
        pass
    finally:
        for entry, hooks in before:
            entry.hooks = hooks
    return found


def _order(entries: list[Entry]) -> list[int]:
    """All of a small graph; of a large one, a few of each kind first."""
    numbers = list(range(len(entries)))
    if len(entries) <= MANY:
        return numbers
    seen: dict[object, int] = {}
    first: list[int] = []
    for number, entry in enumerate(entries):
        kind = (entry.op, tuple(np.shape(getattr(x, "array", x)) for x in entry.inputs))
        seen[kind] = seen.get(kind, 0) + 1
        first += [number] if seen[kind] <= FEW else []
    return [*first, *(number for number in numbers if number not in set(first))]


def _first_alike(
    entries: list[Entry],
    number: int,
    report: Report,
    reaching: dict[Entry, Cotangents],
    rng: np.random.Generator,
    again: Again | None,
) -> Place:
    """The earliest entry of the same operation that is wrong as well."""
    for earlier in range(number):
        if entries[earlier].op is entries[number].op:
            found = _judged(entries[earlier], reaching.get(entries[earlier]), rng)
            if found is not None:
                return _place(entries, earlier, found, 0, again)
    return _place(entries, number, report, 0, again)


def _judged(entry: Entry, reaching: Cotangents | None, rng: np.random.Generator) -> Report | None:
    """The report of an entry whose backward is wrong; None for the others."""
    try:
        one = Recorded(entry)
        for dys in [one.random(rng, reaching)] + ([] if reaching is None else [reaching]):
            if suspicious(one, dys, rng):
                report = examine(one, dys, rng)
                if report.verdict == "fail":
                    return report
    except BackwardError as error:
        return Report("fail", np.inf, None, np.nan, np.inf, np.nan, entry.op.name, note=f"backward raised {error}")
    return None


def _place(entries: list[Entry], number: int, report: Report, others: int, again: Again | None) -> Place:
    file, line = ("", 0) if again is None else _called(entries, number, again)
    index = None if report.where is None else report.where[0]
    return Place(entries[number].op.name, number + 1, len(entries), index, report, file, line, others)


def _called(entries: list[Entry], number: int, again: Again) -> tuple[str, int]:
    """Who called the operation, from a second run; ("", 0) where that run goes another way."""
    with watched() as sites:
        outputs = again()
    second = recorded(outputs)
    if [entry.op for entry in second] != [entry.op for entry in entries]:
        return "", 0
    return sites.of_entry(second[number], outputs)


def _short(file: str) -> str:
    """Relative to the working directory, where it lies below."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
