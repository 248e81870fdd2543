"""Each remark appears where it should, and does not where it should not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.teach.cards.card import card
from nanonet.teach.cards.noticing import REMARKS, Seen
from nanonet.teach.cards.remarks import remarks_on
from nanonet.teach.trace import Trace, trace, tracing

X = np.array([[1.0, -2.0, 3.0], [-0.5, -1.5, 2.5]])
W, B = np.array([[0.5, -1.0, 2.0], [1.0, 0.25, -0.75]]), np.array([0.1, 0.2])
IMAGE = np.arange(16.0).reshape(1, 1, 4, 4)
BATCH = np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]])


def of(f: Callable[..., Any], *inputs: Any, **options: Any) -> Callable[[], Trace]:
    return lambda: trace(f, *inputs, **options)


def constant(x: Any) -> nt.Tensor:
    return nt.Tensor(x)


def step(rule: Any, updates: int = 1, zero: bool = False, twice: bool = False) -> Callable[[], Trace]:
    def run() -> Trace:
        p = nt.Tensor(np.array([1.0, -2.0]), requires_grad=True)
        optimizer = rule([p], lr=0.1)
        with tracing() as found:
            for _ in range(updates):
                for _ in range(1 + twice):
                    (p * p).sum().backward()
                optimizer.step()
                if zero:
                    optimizer.zero_grad()
        return found

    return run


def hooked(hook: Any) -> Callable[[], Trace]:
    def f(x: Any) -> Any:
        y = x * 2.0
        if hook is not None:
            y.register_hook(hook)
        return y.sum()

    return of(f, X)


def assigned(write: bool) -> Callable[[], Trace]:
    def run() -> Trace:
        x = nt.Tensor(X.copy(), requires_grad=True)
        with tracing() as found:
            x.sum()
            if write:
                x.data[0, 0] = 9.0
            x.sum()
        return found

    return run


def dropped(p: float) -> Callable[[], Trace]:
    def run() -> Trace:
        nt.manual_seed(0)
        return trace(lambda x: F.dropout(x, p, training=p > 0).sum(), np.ones((4, 5)))

    return run


def embedded(labels: list[int]) -> Callable[[], Trace]:
    return of(lambda w: F.embedding(nt.tensor(labels), w).sum(), np.ones((4, 2)))


def normalized(training: bool) -> Callable[[], Trace]:
    def f(x: Any) -> Any:
        running = (nt.zeros(2, dtype="float64"), nt.ones(2, dtype="float64"))
        y = F.batch_norm(x, *running, training=training)
        return (y * y * x).sum()

    return of(f, BATCH)


def linear(x: Any, w: Any, b: Any) -> Any:
    return F.linear(x, w, b).sum()


MULTIPLIED = of(lambda x: (x * 2.0).sum(), X)
# remark: (a run in which it appears, one in which it does not)
RUNS: dict[str, tuple[Callable[[], Trace], Callable[[], Trace]]] = {
    "the_seed_is_one": (MULTIPLIED, of(lambda x: x.sum(), X, backward=False)),
    "the_walk_goes_backwards": (MULTIPLIED, of(lambda x: x.sum(), X, backward=False)),
    "a_gradient_is_complete": (of(lambda x: (lambda y: (y * y).sum())(x * 2.0), X), MULTIPLIED),
    "contributions_add_up": (of(lambda x: (x * x).sum(), X), MULTIPLIED),
    "copies_are_summed": (of(lambda x, b: (x + b).sum(), X, X[0]), of(lambda x, b: (x + b).sum(), X, X)),
    "a_bias_is_summed": (of(linear, X, W, B), of(lambda x, w: F.linear(x, w).sum(), X, W)),
    "a_weight_meets_every_sample": (of(linear, X, W, B), of(linear, X[:1], W, B)),
    "no_gradient_wanted": (
        of(lambda x: (x * constant(X)).sum(), X),
        of(lambda x, y: (x * y).sum(), X, X),
    ),
    "a_hook_replaced_it": (hooked(lambda dy: dy * 2), hooked(None)),
    "stored_on_top": (step(optim.SGD, twice=True), step(optim.SGD)),
    "what_zero_grad_is_for": (step(optim.SGD, 2, zero=True), step(optim.SGD, 2)),
    "written_by_hand": (assigned(True), assigned(False)),
    "against_the_gradient": (step(optim.SGD), step(optim.Adam)),
    "adam_corrects_its_start": (step(optim.Adam), step(optim.SGD)),
    "relu_is_flat_below_zero": (of(lambda x: F.relu(x).sum(), X), of(lambda x: F.relu(x).sum(), np.abs(X))),
    "a_dead_relu": (of(lambda x: F.relu(x).sum(), X), of(lambda x: F.relu(x).sum(), X * [1, -1, 1])),
    "saturation": (of(lambda x: nt.tanh(x).sum(), X * 5), of(lambda x: nt.tanh(x).sum(), X * 0.1)),
    "only_the_winner": (of(lambda x: F.max_pool2d(x, 2).sum(), IMAGE), of(lambda x: F.avg_pool2d(x, 2).sum(), IMAGE)),
    "ties_share": (of(lambda x: nt.max(x), np.array([1.0, 2.0, 2.0])), of(lambda x: nt.max(x), X)),
    "softmax_and_cross_entropy_collapse": (
        of(lambda x: F.cross_entropy(x, nt.tensor([0, 1])), X),
        of(lambda x: F.mse_loss(x, constant(X)), X),
    ),
    "sigmoid_and_cross_entropy_collapse": (
        of(lambda x: F.binary_cross_entropy_with_logits(x, constant(np.ones((2, 3)))), X),
        of(lambda x: F.binary_cross_entropy(nt.sigmoid(x), constant(np.ones((2, 3)))), X),
    ),
    "dropout_masks": (dropped(0.5), dropped(0.0)),
    "samples_are_coupled": (normalized(True), MULTIPLIED),
    "features_are_coupled": (of(lambda x: (F.layer_norm(x, 3) * x).sum(), X), normalized(True)),
    "rows_that_repeat": (embedded([1, 3, 1]), embedded([1, 3])),
    "addition_passes_on": (of(lambda x, y: (x + y).sum(), X, X), MULTIPLIED),
    "factors_exchange": (MULTIPLIED, of(lambda x: nt.exp(x).sum(), X)),
    "a_mean_divides": (of(lambda x: x.mean(), X), of(lambda x: x.sum(), X)),
    "a_sum_copies": (of(lambda x: x.sum(), X), of(lambda x: x.mean(), X)),
    "entries_are_only_moved": (of(lambda x: (x.T * 2.0).sum(), X), MULTIPLIED),
}


def said(found: Trace, name: str) -> list[str]:
    """What the remark says of any array of any step."""
    sentences = []
    for step in found.steps:
        for which, target in enumerate(card(found, step.index).choices):
            c = card(found, step.index, which=which)
            sentence = REMARKS[name](Seen(found, step, target, c.entry))
            if sentence is not None:
                assert sentence in c.remarks
                sentences.append(sentence)
    return sentences


def test_every_remark_is_tried() -> None:
    assert set(RUNS) == set(REMARKS)


@pytest.mark.parametrize("name", RUNS)
def test_it_appears_where_it_should(name: str) -> None:
    sentences = said(RUNS[name][0](), name)
    assert sentences
    assert all(one.endswith(".") and "\n" not in one and len(one) < 300 for one in sentences)


@pytest.mark.parametrize("name", RUNS)
def test_it_does_not_appear_where_it_should_not(name: str) -> None:
    assert said(RUNS[name][1](), name) == []


def test_batch_norm_in_evaluation_is_not_said_to_couple() -> None:
    assert all(
        "couple" not in one and "depends on all" not in one for one in said(normalized(False)(), "samples_are_coupled")
    )
    assert any("depends on all" in one for one in said(normalized(True)(), "samples_are_coupled"))


def test_the_same_tensor_twice_in_a_product() -> None:
    (twice,) = set(said(trace(lambda x: (x * x).sum(), X), "factors_exchange"))
    (apart,) = set(said(trace(lambda x, y: (x * y).sum(), X, X), "factors_exchange"))
    assert "2x" in twice
    assert "times the other" in apart


def test_a_relu_counts_and_names_its_own_entry() -> None:
    found = trace(lambda x: F.relu(x).sum(), X)
    relu = next(s for s in found.steps if s.kind == "backward" and s.title == "relu")
    at_negative, at_positive = card(found, relu.index, (0, 1)), card(found, relu.index, (0, 0))
    assert any(r.startswith("3 of 6 inputs are ≤ 0, this one included,") for r in at_negative.remarks)
    assert any(r.startswith("3 of 6 inputs are ≤ 0, where ReLU is flat") for r in at_positive.remarks)
    assert "Because y[0, 1] ≤ 0: 0 ≤ 0." in at_negative.remarks


def remarks(found: Trace, kind: str, title: str = "") -> list[str]:
    """Those of every array of the steps of a kind."""
    steps = [s for s in found.steps if s.kind == kind and s.title.startswith(title)]
    return [
        r
        for s in steps
        for i in range(len(card(found, s.index).choices))
        for r in card(found, s.index, which=i).remarks
    ]


def test_a_clipped_gradient_is_not_called_a_value() -> None:
    w = nt.tensor([3.0, 4.0], requires_grad=True)
    with tracing() as found:
        (w * w).sum().backward()
        nn.utils.clip_grad_norm_([w], 1.0)
    (said_of_it,) = remarks(found, "assign")
    assert said_of_it.startswith("What backward() stored in .grad was changed afterwards")


def test_all_gradients_are_clipped_in_one_step() -> None:
    model = nn.Linear(2, 2)
    with tracing() as found:
        (model(nt.ones((1, 2))) ** 2).sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        optim.SGD(model.parameters(), lr=0.1).step()
    assert [s.kind for s in found.steps][-4:] == ["store", "assign", "update", "update"]


def test_what_is_taken_away_is_not_shown_as_if_it_stayed() -> None:
    found = step(optim.SGD, zero=True)()
    c = card(found, len(found.steps) - 1)
    assert c.symbols == c.lines[1] == "x.grad[1] was -4"
    assert "x.grad[1] = -4" not in str(c)


def test_a_step_uphill_is_not_said_to_go_down() -> None:
    found = step(lambda p, lr: optim.SGD(p, lr=lr, maximize=True))()
    (said_of_it,) = remarks(found, "update")
    assert said_of_it.startswith("maximize=True")
    assert ("g", "minus the gradient of p") in card(found, len(found.steps) - 1).legend


def test_adam_is_not_said_to_move_by_lr_where_it_does_not() -> None:
    p = nt.Tensor(np.array([1e-9, 1.0]), requires_grad=True)
    with tracing() as found:
        (p * p * 0.5).sum().backward()
        optim.Adam([p], lr=0.1).step()
    last = len(found.steps) - 1
    assert not card(found, last, (0,), which=0).remarks
    assert "by about lr" in card(found, last, (1,), which=0).remarks[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "(p - q)/n: what was predicted minus what is right."),
        ({"reduction": "sum"}, "gradient, p - q: what"),
        ({"weight": nt.tensor([1.0, 2.0, 3.0])}, "what is right, times the weight of the class."),
    ],
)
def test_cross_entropy_is_described_as_it_was_called(options: dict[str, Any], words: str) -> None:
    found = trace(lambda x: F.cross_entropy(x, nt.tensor([0, 1]), **options), X)
    assert any(words in r for r in remarks(found, "backward", "cross_entropy"))


def test_a_maximum_along_an_axis_has_several_winners() -> None:
    along = remarks(trace(lambda x: x.max(axis=1).sum(), X), "backward", "max")
    alone = remarks(trace(lambda x: x.max(), X), "backward", "max")
    assert any("each result" in r for r in along)
    assert any("Only the largest entry gets a gradient" in r for r in alone)


def test_batch_norms_three_paths_are_those_of_x() -> None:
    found = trace(lambda x, w, b: (F.batch_norm(x, None, None, w, b, training=True) * x).sum(), BATCH, B, B)
    norm = next(s for s in found.steps if s.kind == "backward" and s.title == "batch_norm")
    by_name = {t.name: card(found, norm.index, which=i).remarks for i, t in enumerate(card(found, norm.index).choices)}
    assert any("three ways" in r for r in by_name["dx"])
    assert not any("three ways" in r for r in (*by_name["dw"], *by_name["db"]))


def test_an_addition_of_a_constant_has_one_input_to_hand_on_to() -> None:
    assert "Addition hands dy on to its input unchanged." in remarks(trace(lambda x: (x + 1.0).sum(), X), "backward")
    both = remarks(trace(lambda x: (x + x).sum(), X), "backward", "add")
    assert "Addition hands dy on to both of its inputs unchanged." in both


def test_one_copy_is_not_called_many() -> None:
    found = trace(lambda x, b: (x + b).sum(), X[:1], X[0])
    (said_of_it,) = remarks(found, "unbroadcast")
    assert "there is nothing to add up" in said_of_it
    step = next(s for s in found.steps if s.kind == "unbroadcast")
    assert card(found, step.index).formula == "dx = the one copy, without axis 0"


def test_a_leafs_hook_has_a_step_and_the_sum_is_right() -> None:
    w = nt.tensor([1.0, -2.0], requires_grad=True)
    w.register_hook(lambda dy: dy * 10.0)
    with tracing() as found:
        for _ in range(2):
            (w * 3.0).sum().backward()
    assert "A hook of w replaced its gradient; the new one is stored." in remarks(found, "hook")
    last = card(found, len(found.steps) - 1, (0,))
    assert last.lines[1:] == ("x.grad[0] = 30 + 30", "x.grad[0] = 60")


def test_the_seed_of_several_numbers() -> None:
    assert any("as if the loss were their sum" in r for r in remarks(trace(lambda x: x * 2.0, X), "seed"))


def test_a_remark_that_never_applies_is_found() -> None:
    """The tests above fail on it: a planted remark that says nothing."""
    REMARKS["planted"] = lambda s: None
    try:
        assert not said(RUNS["saturation"][0](), "planted")
        assert set(RUNS) != set(REMARKS)
    finally:
        del REMARKS["planted"]
    found = RUNS["saturation"][0]()
    target = card(found, 0).choices[0]
    assert isinstance(remarks_on(found, found.steps[0], target, (0, 0)), tuple)
