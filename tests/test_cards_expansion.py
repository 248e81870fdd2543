"""Every formula with numbers that a card prints, evaluated, gives the engine's value to the printed digits."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from math import floor, isfinite, log10
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.backends import current
from nanonet.backends.base import VOCABULARY, Backend, installed
from nanonet.backends.numpy import xp as numpy_xp
from nanonet.op import REGISTRY, Composite, Op, ops
from nanonet.ops import update
from nanonet.sampling import Draw
from nanonet.teach.cards.expansion import (
    Expansion,
    Line,
    evaluate,
    expand_backward,
    expand_forward,
    expand_rule,
    lazy,
    sums,
    vocabulary,
)
from nanonet.teach.cards.expansion.expand import input_names, output_names
from nanonet.teach.cards.expansion.expression import of
from nanonet.teach.cards.expansion.lazy import Lazy, moved
from tests.support import call, first_outputs

ENTIRE = [op for op in ops() if not issubclass(op, Composite)]


class Recorder(Backend):
    """Computes as the backend within and keeps what went through the doorway."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner.name, inner.xp, inner.array_type)
        self.inner = inner
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def run(self, rule: Any, *args: Any, **attrs: Any) -> Any:
        result = self.inner.run(rule, *args, **attrs)
        self.calls.append((rule, args, attrs, result))
        return result


def recorded(op: type[Op], sample: Any) -> list[tuple[Any, Any, Any, Any]]:
    """The doorway's calls of the op's rules, forward and backward, with random cotangents."""
    recorder, rng = Recorder(current()), np.random.default_rng(1)
    with installed(recorder), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        y, inputs = call(op, sample, sample.draw(), nt.Tensor.wrap)
        outputs = first_outputs(y)
        if outputs and inputs:
            nt.vjp_of(outputs, inputs, [rng.standard_normal(one.shape) for one in outputs])
    return [one for one in recorder.calls if one[0] in (op.forward, op.backward)]


def some_entries(array: Any) -> list[tuple[int, ...]]:
    """Of the largest and the smallest magnitude, the first and the last."""
    array = np.asarray(array)
    if not array.size:
        return []
    sizes = np.abs(np.nan_to_num(array.astype(float), nan=0.0, posinf=1e300, neginf=-1e300)).reshape(-1)
    places = dict.fromkeys([int(sizes.argmax()), int(sizes.argmin()), 0, array.size - 1])
    return [tuple(int(i) for i in np.unravel_index(place, array.shape)) for place in places]


def expansions(op: type[Op], sample: Any) -> Iterator[tuple[Expansion, dict[str, Any]]]:
    """Of some entries of each output and each gradient, with the arrays that their names stand for."""
    given: tuple[Any, Any] = ((), {})
    for rule, args, attrs, result in recorded(op, sample):
        if rule is op.forward:
            given = (args, attrs)
            arrays = dict(zip(input_names(op, len(args)), args, strict=True))
            for i, y in enumerate(result[0] if isinstance(result[0], tuple) else (result[0],)):
                for at in some_entries(y):
                    yield expand_forward(op, args, attrs, at, i, stored=np.asarray(y)[at]), arrays
        else:
            dys = args[1] if isinstance(args[1], tuple) else (args[1],)
            names = output_names(len(dys))
            arrays = dict(zip(input_names(op, len(given[0])), given[0], strict=True))
            arrays |= {f"d{name}": dy for name, dy in zip(names, dys, strict=True)}
            for i, dx in enumerate(result):
                for at in some_entries(dx) if dx is not None else ():
                    yield expand_backward(op, *given, dys, i, at, stored=np.asarray(dx)[at]), arrays


def assert_agrees(line: Line) -> None:
    """To the digits that are printed, by arithmetic of this test's own."""
    shown, got = float(line.result.replace("∞", "inf")), evaluate(line.substituted)
    np.testing.assert_allclose(shown, line.value, rtol=6e-4)
    if not isfinite(shown):
        assert got == shown or (got != got and shown != shown), line
        return
    half = 0.5 * 10.0 ** (floor(log10(abs(shown))) - 3) if shown else 0.0
    assert abs(got - shown) <= half * (1 + 1e-6), f"{line.numbers} is {got}, and {line.result} is printed"
    assert line.agrees
    assert not line.remark


def assert_names_are_right(expansion: Expansion, arrays: dict[str, Any]) -> None:
    """Every name of an input is the entry that it says, and the line with names has the line's value."""
    for name, value in expansion.values.items():
        letter, _, index = name.partition("[")
        if arrays.get(letter) is not None:
            at = tuple(int(i) for i in index.rstrip("]").split(",") if i)
            np.testing.assert_equal(value, float(np.asarray(arrays[letter])[at]), err_msg=name)
    for line in (*expansion.where, expansion):
        if "…" not in line.formula:
            names = sorted(expansion.values, key=len, reverse=True)
            pattern = "|".join(rf"(?<![\w₀-₉]){re.escape(name)}(?![a-zA-Z0-9_₀-₉\[])" for name in names)
            put_in = re.sub(pattern, lambda m: f"({expansion.values[m[0]]!r})", line.formula) if names else line.formula
            put_in = re.sub(r"(?<=\()(nan|inf|-inf)(?=\))", r"\1", put_in)
            scale = max(
                (abs(v) for v in expansion.values.values() if isfinite(v)), default=0.0
            )  # constants have 4 digits
            np.testing.assert_allclose(evaluate(put_in), line.value, 2e-3, 1e-3 * scale, err_msg=line.symbols)


def check(op: type[Op]) -> int:
    """All of an op's samples; how many entries were looked at."""
    count = 0
    for sample in op.samples:
        for expansion, arrays in expansions(op, sample):
            for line in (*expansion.where, expansion):
                assert_agrees(line)
            assert_names_are_right(expansion, arrays)
            count += 1
    return count


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in ENTIRE])
def test_every_formula_with_numbers_gives_the_engines_value(op: type[Op]) -> None:
    assert check(op) >= len([s for s in op.samples if "empty" not in s.name and s.name != "no degrees of freedom"])


# The check fails on planted faults


def wrong_sign(xp: Any, saved: Any, dy: Any) -> Any:
    (y,) = saved
    return (-dy * (1 - y * y),)


def test_a_wrong_sign_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    tanh = REGISTRY["array.tanh"]
    calls = recorded(tanh, tanh.samples[0])
    (_, args, attrs, _), (_, (_, dy), _, (dx,)) = calls
    good = expand_backward(tanh, args, attrs, (dy,), 0, (0, 1), stored=dx[0, 1])
    assert_agrees(good)
    monkeypatch.setattr(tanh, "backward", staticmethod(wrong_sign))
    bad = expand_backward(tanh, args, attrs, (dy,), 0, (0, 1), stored=dx[0, 1])
    with pytest.raises(AssertionError):
        assert_agrees(bad)


def unmoved(name: str) -> Callable[..., Any]:
    """NumPy's numbers, but the formula of an entry that stood there before."""
    return lambda x, *args, **kwargs: Lazy(getattr(numpy_xp, name)(x.array, *args, **kwargs), x.entry)


def all_ones(x: Any, *, shape: Any, key: Any) -> Any:
    value = numpy_xp.put_add(x.array, shape=shape, key=lazy.plain(key))
    return Lazy(value, lambda i: x.entry(min(i, x.size - 1)))


@pytest.mark.parametrize(
    ("name", "fault", "op"),
    [
        ("flip", unmoved("flip"), "array.flip"),
        ("roll", unmoved("roll"), "array.roll"),
        ("transpose", unmoved("transpose"), "array.transpose"),
        ("put_add", all_ones, "array.getitem"),
        ("tanh", lambda x: lazy.elementwise(np.tanh, of("sin"), x), "array.tanh"),
        ("sum", sums.reduction("sum", lambda parts: parts[0]), "network.softmax"),
        ("where", lambda c, a, b: vocabulary.where(c, b, a), "network.prelu"),
    ],
)
def test_a_faulty_symbolic_function_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, fault: Callable[..., Any], op: str
) -> None:
    assert check(REGISTRY[op])
    monkeypatch.setattr(vocabulary.xp, name, fault)
    with pytest.raises(AssertionError):
        check(REGISTRY[op])


def test_a_wrong_name_is_found() -> None:
    w = np.array([[1.0, 2.0], [3.0, 4.0]])
    expansion = expand_forward(REGISTRY["array.exp"], [w], {}, (0, 1))
    with pytest.raises(AssertionError):
        assert_names_are_right(expansion, {"x": w.T})


# The symbolic array module


def test_the_symbolic_module_has_the_whole_vocabulary() -> None:
    assert set(VOCABULARY) <= set(vars(vocabulary.xp))
    functions = {name for name in VOCABULARY if callable(getattr(numpy_xp, name)) and not name.endswith(("32", "64"))}
    assert functions <= set(vocabulary._functions), "these would run on NumPy alone"


A = np.array([[0.5, -1.5, 2.5], [3.5, 0.25, -0.75]])
S = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.25], [0.5, 0.25, 2.0]])
V = np.array([1.5, -0.5, 2.0])
CALLS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "sort": lambda xp, a, s, v: xp.sort(a, axis=0),
    "tensordot": lambda xp, a, s, v: xp.tensordot(a, s, axes=([1], [0])),
    "tensordot of one axis": lambda xp, a, s, v: xp.tensordot(a, s, axes=1),
    "trace": lambda xp, a, s, v: xp.trace(s),
    "trace of another diagonal": lambda xp, a, s, v: xp.trace(s, offset=1),
    "mean": lambda xp, a, s, v: xp.mean(a, axis=(0, 1), keepdims=True),
    "cumprod": lambda xp, a, s, v: xp.cumprod(a),
    "tril": lambda xp, a, s, v: xp.tril(s, -1),
    "triu": lambda xp, a, s, v: xp.triu(a, 1),
    "pad": lambda xp, a, s, v: xp.pad(a, ((1, 0), (0, 2)), mode="constant", constant_values=7.0),
    "pad by reflection": lambda xp, a, s, v: xp.pad(v, (2, 1), mode="reflect"),
    "roll": lambda xp, a, s, v: xp.roll(a, (1, 2), axis=(0, 1)),
    "take": lambda xp, a, s, v: xp.take(a, np.array([2, 0, 2]), axis=1),
    "stack": lambda xp, a, s, v: xp.stack([v, v * 2], axis=1),
    "asarray": lambda xp, a, s, v: xp.asarray(v, dtype=np.float32),
    "clip": lambda xp, a, s, v: xp.clip(a, None, 1.0),
    "einsum": lambda xp, a, s, v: xp.einsum("ij,jk,k->i", a, s, v),
    "einsum of a diagonal": lambda xp, a, s, v: xp.einsum("ii->i", s),
    "matmul of vectors": lambda xp, a, s, v: xp.matmul(v, v),
    "solve": lambda xp, a, s, v: xp.solve(s, v),
    "inv": lambda xp, a, s, v: xp.inv(s),
    "cholesky": lambda xp, a, s, v: xp.cholesky(s),
    "det": lambda xp, a, s, v: xp.det(s),
    "argsort": lambda xp, a, s, v: xp.argsort(a, axis=-1),
    "argmin": lambda xp, a, s, v: xp.argmin(a, axis=0, keepdims=True),
    "all": lambda xp, a, s, v: xp.all(a > -1, axis=1),
    "floor": lambda xp, a, s, v: xp.floor(a) + xp.trunc(a) + xp.ceil(a) + xp.rint(a),
    "fold_windows": lambda xp, a, s, v: xp.fold_windows(s, size=(5,), stride=(1,), dilation=(1,), padding=((0, 0),)),
    "a number minus an array": lambda xp, a, s, v: 2 ** (1 - v) / (3.0 - v) // 1 % 2,
    "indexing": lambda xp, a, s, v: a[..., None, [2, 0]],
    "transposed": lambda xp, a, s, v: abs(a.T) - (-v)[:, None],
    "of whole numbers": lambda xp, a, s, v: (a.astype(np.int64) + (v > 0)).astype(bool),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_entry_of_a_symbolic_function_has_numpys_value(name: str) -> None:
    found = CALLS[name](vocabulary.xp, *(Lazy(x, None, n) for x, n in ((A, "a"), (S, "s"), (V, "v"))))
    wanted = np.asarray(CALLS[name](numpy_xp, A, S, V))
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found.array, wanted)
    values = [found.definition(i).value for i in range(found.size)]
    np.testing.assert_allclose(values, wanted.reshape(-1).astype(float), rtol=1e-12)


def test_large_matrices_stay_numbers_of_their_own() -> None:
    x = np.random.default_rng(0).standard_normal((5, 5)) + 4 * np.eye(5)
    expansion = expand_forward(REGISTRY["array.det"], [x], {}, ())
    assert expansion.formula == "det"
    assert evaluate(expansion.substituted) == pytest.approx(np.linalg.det(x), rel=1e-3)


# What is printed


def linear(n: int = 784) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape) for shape in ((32, n), (128, n), (128,))]


def test_a_long_sum_shows_a_few_terms_and_one_number_for_the_rest() -> None:
    expansion = expand_forward(REGISTRY["network.linear"], linear(), {}, (3, 5))
    assert expansion.formula.endswith("x[3, 3]·w[5, 3] + … (780 more terms) + b[5]")
    assert re.search(r"\+ … \+ \(?-?[\d.]+\)? \(780 more terms\) \+ ", expansion.substituted)
    assert_agrees(expansion)


def test_zeros_are_not_among_the_few_terms() -> None:
    x, w, b = linear()
    x[3, :20] = 0
    expansion = expand_forward(REGISTRY["network.linear"], [x, w, b], {}, (3, 5))
    assert expansion.formula.startswith("x[3, 20]·w[5, 20] + ")


def test_only_the_entry_that_is_asked_for_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    entry = Lazy.entry
    monkeypatch.setattr(Lazy, "entry", lambda x, i: asked.append(i) or entry(x, i))
    expand_forward(REGISTRY["network.linear"], linear(), {}, (3, 5))
    assert len(asked) < 4 * 784


def test_numbers_have_as_few_digits_as_the_result_allows() -> None:
    expansion = expand_forward(REGISTRY["array.subtract"], [np.array([1.0000123]), np.array([1.0])], {}, (0,))
    assert expansion.numbers == "y[0] = 1.0000123 - 1"
    assert expansion.result == "1.23e-05"
    expansion = expand_forward(REGISTRY["array.add"], [np.array([1.0000123]), np.array([2.0])], {}, (0,))
    assert expansion.numbers == "y[0] = 1 + 2"
    assert expansion.result == "3"


@pytest.mark.parametrize(
    ("key", "args", "attrs", "entry", "symbols", "numbers"),
    [
        ("array.matmul", [A, S], {}, (0, 1), "y[0, 1] = a[0, 0]·b[0, 1] + a[0, 1]·b[1, 1] + a[0, 2]·b[2, 1]",
         "y[0, 1] = 0.5·1 + (-1.5)·3 + 2.5·0.25"),
        ("array.square", [A], {}, (0, 1), "y[0, 1] = x[0, 1]²", "y[0, 1] = (-1.5)²"),
        ("array.sqrt", [S], {}, (0, 0), "y[0, 0] = √(x[0, 0])", "y[0, 0] = √(4)"),
        ("array.divide", [A, V], {}, (0, 1), "y[0, 1] = a[0, 1] / b[1]", "y[0, 1] = (-1.5) / (-0.5)"),
        ("network.relu", [A], {}, (0, 1), "y[0, 1] = max(x[0, 1], 0)", "y[0, 1] = max(-1.5, 0)"),
        ("array.less", [A, 0.0], {}, (0, 1), "y[0, 1] = [a[0, 1] < 0]", "y[0, 1] = [-1.5 < 0]"),
        ("array.sum", [V], {}, (), "y = x[0] + x[1] + x[2]", "y = 1.5 + (-0.5) + 2"),
        ("array.argsort", [V], {"axis": 0}, (2,), "y[2] = argsort₂(x[0], x[1], x[2])", "y[2] = argsort₂(1.5, -0.5, 2)"),
        ("array.max", [V], {}, (), "y = max(x[0], x[1], x[2])", "y = max(1.5, -0.5, 2)"),
        ("array.floor_divide", [V, 2.0], {}, (0,), "y[0] = a[0] // 2", "y[0] = 1.5 // 2"),
    ],
)  # fmt: skip
def test_the_notation(key: str, args: Any, attrs: Any, entry: Any, symbols: str, numbers: str) -> None:
    expansion = expand_forward(REGISTRY[key], args, attrs, entry)
    assert (expansion.symbols, expansion.numbers) == (symbols, numbers)


def test_gradients_are_written_with_what_the_forward_saved() -> None:
    tanh, relu = REGISTRY["array.tanh"], REGISTRY["network.relu"]
    assert expand_backward(tanh, [A], {}, [A], 0, (0, 1)).symbols == "dx[0, 1] = dy[0, 1]·(1 - y[0, 1]²)"
    stopped = expand_backward(relu, [A], {}, [A], 0, (0, 1))
    assert stopped.symbols == "dx[0, 1] = 0"
    assert stopped.because == ("y[0, 1] ≤ 0: 0 ≤ 0",)
    passed = expand_backward(relu, [A], {}, [A], 0, (0, 0))
    assert passed.symbols == "dx[0, 0] = dy[0, 0]"
    assert passed.because == ("y[0, 0] > 0: 0.5 > 0",)
    nothing = expand_backward(relu, [np.full((1, 1), np.nan)], {}, [np.ones((1, 1))], 0, (0, 0))
    assert nothing.because == ("y[0, 0] ≤ 0 does not hold: nan ≤ 0",)


def test_reasons_are_said_without_double_negatives() -> None:
    clip = REGISTRY["array.clip"]
    x, dy = np.array([0.25]), np.array([1.0])
    (reason,) = expand_backward(clip, [x, -0.5, 0.5], {}, [dy], 0, (0,)).because
    assert reason == "x[0] ≥ -0.5 and x[0] ≤ 0.5: 0.25 ≥ -0.5 and 0.25 ≤ 0.5"


def test_names_come_from_the_rules_own_variables() -> None:
    norm = REGISTRY["network.layer_norm"]
    expansion = expand_forward(norm, [A, V, V], {"size": 3, "eps": 1e-5}, (0, 1))
    assert [w.left for w in expansion.where] == ["mean[0, 0]", "var[0, 0]"]
    softmax = expand_forward(REGISTRY["network.softmax"], [A], {"dim": 1}, (0, 1))
    assert softmax.where[0].symbols == "m = max(x[0, 0], x[0, 1], x[0, 2])"
    assert softmax.formula == "exp(x[0, 1] - m) / (exp(x[0, 0] - m) + exp(x[0, 1] - m) + exp(x[0, 2] - m))"


def test_names_can_be_chosen() -> None:
    names = {"x": "A", "w": "W", "b": "b", "y": "Z", "dy": "dZ", "dw": "dW"}
    args = [A, S, V]
    forward = expand_forward(REGISTRY["network.linear"], args, {}, (0, 1), names=names)
    assert forward.symbols == "Z[0, 1] = A[0, 0]·W[1, 0] + A[0, 1]·W[1, 1] + A[0, 2]·W[1, 2] + b[1]"
    backward = expand_backward(REGISTRY["network.linear"], args, {}, [A], 1, (0, 1), names=names)
    assert backward.symbols == "dW[0, 1] = dZ[0, 0]·A[0, 1] + dZ[1, 0]·A[1, 1]"


def test_latex() -> None:
    softmax = expand_forward(REGISTRY["network.linear"], [A, S, V], {}, (0, 1))
    assert softmax.latex_formula == (
        r"{x}_{0,0} \cdot {w}_{1,0} + {x}_{0,1} \cdot {w}_{1,1} + {x}_{0,2} \cdot {w}_{1,2} + {b}_{1}"
    )
    assert softmax.latex.startswith(r"\begin{aligned} {y}_{0,1} &= {x}_{0,0}")
    for op in ENTIRE:
        for expansion, _ in expansions(op, op.samples[0]):
            for text in (expansion.latex, *(w.latex for w in expansion.where)):
                assert text.count("{") == text.count("}")
                assert text.count(r"\left") == text.count(r"\right")
                assert not re.search(r"[·√σ∞≤≥≠…′]", text), text
            break


@pytest.mark.parametrize("rule", [update.sgd, update.momentum, update.adam, update.adagrad, update.rmsprop])
def test_update_rules_are_expanded_too(rule: Any) -> None:
    arrays: dict[str, Any] = {"p": A, "g": A * 0.1}
    attrs: dict[str, Any] = {"lr": 0.1, "weight_decay": 0.01}
    if rule is update.momentum:
        arrays, attrs = arrays | {"b": A * 0.2}, attrs | {"momentum": 0.9}
    if rule in (update.adam, update.adagrad, update.rmsprop):
        attrs |= {"eps": 1e-8}
    if rule is update.adam:
        arrays, attrs = arrays | {"m": A * 0.2, "v": A * A}, attrs | {"beta1": 0.9, "beta2": 0.999, "step": 2}
    if rule in (update.adagrad, update.rmsprop):
        arrays = arrays | {"v": A * A}
    if rule is update.rmsprop:
        arrays, attrs = arrays | {"m": A * 0.2, "b": None}, attrs | {"alpha": 0.99}
    wanted = rule(numpy_xp, **arrays, **attrs)
    for output, array in enumerate(wanted):
        for at in some_entries(array) if array is not None else ():
            expansion = expand_rule(rule, arrays, attrs, output, at, "p", stored=array[at])
            for line in (*expansion.where, expansion):
                assert_agrees(line)
    assert "lr·" in expand_rule(rule, arrays, attrs, 0, (0, 0), "p").formula


def test_rounding_is_said_and_not_hidden() -> None:
    x = np.array([1e8, 1.0, -1e8], np.float32)
    stored = np.float32(0)  # in float32, 1e8 + 1 is 1e8
    expansion = expand_forward(REGISTRY["array.sum"], [x], {"axis": None}, (), stored=stored)
    assert expansion.result == "0"
    assert not expansion.agrees
    assert "The engine's number is 0, and the line as written here gives 1" in expansion.remark
    assert "both are rounded" in expansion.remark


def test_a_wrong_number_is_not_explained_by_rounding() -> None:
    expansion = expand_forward(REGISTRY["array.sum"], [A], {"axis": None}, (), stored=np.float64(A.sum() + 0.5))
    assert "that is more than rounding" in expansion.remark


def test_a_profiler_at_work_is_left_alone() -> None:
    def profiler(*_: Any) -> None: ...

    sys.setprofile(profiler)
    try:
        expansion = expand_forward(REGISTRY["network.layer_norm"], [A, V, V], {"size": 3, "eps": 1e-5}, (0, 1))
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert_agrees(expansion)


def test_a_value_that_only_moves_is_looked_up_where_it_was() -> None:
    x = Lazy(A, None, "x")
    y = moved(lambda p: p[::-1].T, x)
    assert [y.entry(i).position for i in range(6)] == [3, 0, 4, 1, 5, 2]  # type: ignore[attr-defined]


# The evaluator


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1·0.1 + 2·(-0.2)", -0.3),
        ("2·0.5 + … + 0.0132 (781 more terms) + 1", 2.0132),
        ("2 · 3 · … · 0.5 (4 more factors)", 3.0),
        ("max(1, 2, …, 0.5 (97 more))", 2.0),
        ("1 + 0 (3 terms that are 0)", 1.0),
        ("(-0.5)² + 2^(-1) - √(4)", -1.25),
        ("10⁻² + 1.5e-05", 0.010015),
        ("σ(0)·tanh(0.5)", 0.5 * np.tanh(0.5)),
        ("[1 < 2]·3 + [2 = 2] + [1 ≠ 1] + [1 ≥ 2]", 4.0),
        ("any([1 > 2], isnan(3))·14 + not(0)", 1.0),
        ("argsort₂(1.5, -0.5, 2)", 2.0),
        ("7 // 2 + (-1) mod 3", 5.0),
        ("1 / 0", np.inf),
        ("-∞", -np.inf),
        ("log(exp(1))", 1.0),
    ],
)
def test_evaluate(text: str, value: float) -> None:
    assert evaluate(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "x[0]", "x", "1 +", "(1).real", "open('f')", "'a'", "lambda: 1", "max(1, key=2)", "1j"]
)
def test_evaluate_refuses_all_else(text: str) -> None:
    with pytest.raises(ValueError, match=r"^evaluate: .*"):
        evaluate(text)


def test_draws_are_what_samples_say() -> None:
    """The check above sees random numbers: with zeros it would pass for too much."""
    draws = [a for op in ENTIRE for s in op.samples for a in s.args if isinstance(a, Draw)]
    assert len(draws) > 300
