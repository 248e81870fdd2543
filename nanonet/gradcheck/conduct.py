"""How a backward behaves: it must leave its arguments alone, and depend on nothing but them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from nanonet.gradcheck.subject import Arrays, MisbehaviourError, Recording, Subject

REPEATS = 5
Result = TypeVar("Result")


def check_conduct(subject: Subject, dys: Sequence[np.ndarray]) -> list[str]:
    """Everything that can be wrong although the values are right; raises MisbehaviourError.

    Returns what was looked at, in words.
    """
    gradients = _leaves_arguments_alone(subject, dys)
    _is_steady(subject, dys, gradients)
    looked = ["arguments left alone", "backward called twice", f"{REPEATS} repeats"]
    looked += _keeps_no_state(subject, dys, gradients)
    looked += _shared_inputs(subject, dys)
    looked += _layouts(subject, dys, gradients)
    return looked + subject.further_conduct(dys, gradients)


def _leaves_arguments_alone(subject: Subject, dys: Arrays) -> list[np.ndarray]:
    inputs = subject.copies()
    before = _bytes(inputs)
    recording = subject.record(inputs)
    remedy = "compute with a copy: x = x.copy()"
    if (k := _changed(before, inputs)) is not None:
        sentence = f"forward changes its input {subject.places[k]} in place"
        raise MisbehaviourError("overwritten", sentence, remedy, k)
    given = [dy.copy() for dy in dys]
    gradients = recording.pull(given)
    if _changed(_bytes(dys), given) is not None:
        raise _clobbered()
    if (k := _changed(before, inputs)) is not None:
        sentence = f"backward changes input {subject.places[k]} in place"
        raise MisbehaviourError("overwritten", sentence, remedy, k)
    for dy in given:
        dy.flags.writeable = False
    try:
        subject.record(subject.copies()).pull(given)
    except MisbehaviourError as error:  # a write of what was there before changes nothing, and is a write
        if "read-only" in str(error):
            raise _clobbered() from None
    except ValueError as error:
        if "read-only" in str(error):
            raise _clobbered() from None
        raise
    return gradients


def _clobbered() -> MisbehaviourError:
    remedy = "write dx = dy * …, not dy *= …: dy may be needed elsewhere"
    return MisbehaviourError("clobbered-cotangent", "backward changes the dy that it is given, in place", remedy)


def _is_steady(subject: Subject, dys: Arrays, gradients: Arrays) -> None:
    recording = subject.record(subject.copies())
    first = recording.pull(_copies(dys))
    second = _or_none(lambda: recording.pull(_copies(dys)))
    if second is not None and not same(first, second):
        sentence = "a second call of backward gives another result: it adds to something that it keeps"
        raise MisbehaviourError("stale-cache", sentence, "make the gradients' arrays anew in every call")
    for _ in range(REPEATS - 1):
        if not same(gradients, subject.record(subject.copies()).pull(_copies(dys))):
            sentence = "forward and backward at the same inputs give another result each time"
            raise MisbehaviourError("unknown", sentence, "take random numbers from a generator with a fixed seed")


def _keeps_no_state(subject: Subject, dys: Arrays, gradients: Arrays) -> list[str]:
    """Another forward, and its backward, in between."""
    first = subject.record(subject.copies())
    other = _or_none(lambda: subject.record(others(subject.inputs)))
    if other is None:
        return []
    sentence = "backward uses what forward computed last, not what belongs to its arguments"
    remedy = "return what backward needs from forward, or compute it again; keep nothing in a class or a global"
    later = _or_none(lambda: first.pull(_copies(dys)))
    if later is None or not same(gradients, later):
        raise MisbehaviourError("stale-cache", sentence, remedy)
    return ["another forward in between"]


def _shared_inputs(subject: Subject, dys: Arrays) -> list[str]:
    """The same array as two inputs: gradients as with two arrays of the same values."""
    shapes = [x.shape for x in subject.inputs]
    pair = next(((i, j) for j in range(len(shapes)) for i in range(j) if shapes[i] == shapes[j]), None)
    if pair is None:
        return []
    i, j = pair

    def gradients(shared: bool) -> list[np.ndarray]:
        inputs = subject.copies()
        inputs[j] = inputs[i] if shared else inputs[i].copy()
        return subject.record(inputs).pull(_copies(dys))

    apart = _or_none(lambda: gradients(False))
    if apart is None:
        return []
    together = _or_none(lambda: gradients(True))
    if together is None or not same(apart, together):
        a, b = subject.places[i], subject.places[j]
        sentence = f"with one array as the inputs {a} and {b} the gradients are others than with two equal arrays"
        raise MisbehaviourError("overwritten", sentence, "make a new array for each gradient, whoever the inputs are")
    return ["one array as two inputs"]


def _layouts(subject: Subject, dys: Arrays, gradients: Arrays) -> list[str]:
    """Other strides, the same values. A function may refuse a layout; it may not compute something else."""
    looked = []
    for name, change in LAYOUTS.items():
        found = _or_none(lambda change=change: _run(subject, [change(x) for x in subject.inputs], dys))
        if found is None:
            continue
        looked.append(name)
        if not same(gradients, found):
            sentence = f"the gradient is another one where the inputs are {name}: it depends on their strides"
            remedy = "index by axes, not by position in memory (ravel or reshape of a copy, not of the memory)"
            raise MisbehaviourError("unknown", sentence, remedy)
    repeated = [np.repeat(x[:1], x.shape[0], 0) if x.ndim and x.size else x for x in subject.inputs]
    plain = _or_none(lambda: _run(subject, [x.copy() for x in repeated], dys))
    overlapping = [np.broadcast_to(x[:1], x.shape) if x.ndim and x.size else x for x in repeated]
    found = _or_none(lambda: _run(subject, overlapping, dys))
    if plain is not None and found is not None:
        looked.append("overlapping")
        if not same(plain, found):
            sentence = "the gradient is another one where the inputs overlap in memory (stride 0)"
            raise MisbehaviourError("unknown", sentence, "make new arrays for results; np.empty_like keeps strides")
    return [f"inputs {', '.join(looked)}"] if looked else []


def _strided(x: np.ndarray) -> np.ndarray:
    wide = np.full(tuple(2 * n for n in x.shape), np.nan)[tuple(slice(None, None, 2) for _ in x.shape)]
    wide[...] = x
    return wide


def _reversed(x: np.ndarray) -> np.ndarray:
    turned = tuple(slice(None, None, -1) for _ in x.shape)
    return x[turned].copy()[turned]


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "strided": _strided,
    "in Fortran's order": lambda x: np.array(x, order="F"),
    "reversed": _reversed,
}


def edges(subject: Subject) -> list[str]:
    """What happens at 0-d and empty inputs, where forward takes them: notes, since nobody asked for these."""
    notes = []
    for name, inputs in _edge_inputs(subject):
        recording = _or_none(lambda inputs=inputs: subject.record(inputs))
        if recording is None or not recording.outputs:
            continue
        problem = _problem(recording, inputs, subject)
        if problem:
            notes.append(f"at {name} inputs backward {problem}")
    return notes


def _edge_inputs(subject: Subject) -> list[tuple[str, list[np.ndarray]]]:
    shapes = {x.shape for x in subject.inputs}
    found = []
    if len(shapes) == 1 and shapes != {()} and subject.inputs[0].size:
        found.append(("0-d", [np.array(x.ravel()[0]) for x in subject.inputs]))
    lengths = {x.shape[0] for x in subject.inputs if x.ndim and x.shape == subject.inputs[0].shape}
    if len(lengths) == 1 and subject.inputs[0].size:
        length = next(iter(lengths))
        found.append(("empty", [x[:0] if x.ndim and x.shape[0] == length else x.copy() for x in subject.inputs]))
    return found


def _problem(recording: Recording, inputs: Arrays, subject: Subject) -> str:
    try:
        gradients = recording.pull([np.ones(y.shape) for y in recording.outputs])
    except MisbehaviourError as error:
        return str(error).removeprefix("backward ")
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    for place, dx, x in zip(subject.places, gradients, inputs, strict=True):
        if dx.shape != x.shape:
            return f"gives input {place} a gradient of shape {dx.shape}, not {x.shape}"
    return ""


def _run(subject: Subject, inputs: Arrays, dys: Arrays) -> list[np.ndarray]:
    return subject.record(inputs).pull(_copies(dys))


def _or_none(f: Callable[[], Result]) -> Result | None:
    try:
        with np.errstate(all="ignore"):
            return f()
    except Exception:  # the caller decides what it means that the function refuses
        return None


def _copies(arrays: Arrays) -> list[np.ndarray]:
    return [a.copy() for a in arrays]


def _bytes(arrays: Arrays) -> list[bytes]:
    return [a.tobytes() for a in arrays]


def _changed(before: list[bytes], after: Arrays) -> int | None:
    return next((k for k, (a, b) in enumerate(zip(before, after, strict=True)) if a != b.tobytes()), None)


def same(a: Arrays, b: Arrays) -> bool:
    """Equal up to the last digits: the order of a sum may depend on where arrays lie in memory.

    A gradient that cancels to nothing is rounding of what the others are made of, so the largest of all sets a floor.
    """
    largest = [float(np.max(np.abs(x), initial=0.0, where=np.isfinite(x))) for x in a]
    floor = 8 * np.finfo(np.float64).eps * max(largest, default=0.0)
    return all(
        x.shape == y.shape and np.allclose(x, y, 1e-10, max(1e-12 * size, floor) + 1e-300, True)
        for x, y, size in zip(a, b, largest, strict=True)
    )


def others(inputs: Arrays) -> list[np.ndarray]:
    """Inputs of the same shapes and signs."""
    rng = np.random.default_rng(1)
    return [np.asarray(x * rng.uniform(0.5, 0.9, x.shape)) for x in inputs]
