"""Loss modules equal PyTorch's, with every option. Needs torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn

torch = pytest.importorskip("torch", reason="parity needs torch: pip install '.[peers]'")
from tests.nn_peers import pair, same_results  # noqa: E402

rng = np.random.default_rng(7)
pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")  # PyTorch's, for KLDivLoss


def x(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


def unit(*shape: int) -> np.ndarray:
    return rng.uniform(0.1, 0.9, shape)


def signs(*shape: int) -> np.ndarray:
    return rng.integers(0, 2, shape) * 2 - 1


CLASSES = np.array([0, 2, 1, 2, 0])
WITH_IGNORED = np.array([0, 1, 1, 2, 0])
LOGP = np.log(unit(5, 3) / 3)
# name -> (inputs, options to try)
LOSSES: dict[str, tuple[tuple[Any, ...], list[dict[str, Any]]]] = {
    "L1Loss": ((x(3, 4), x(3, 4)), [{}]),
    "MSELoss": ((x(3, 4), x(3, 4)), [{}]),
    "SmoothL1Loss": ((x(3, 4), x(3, 4)), [{}, {"beta": 0.5}]),
    "HuberLoss": ((x(3, 4), x(3, 4)), [{}, {"delta": 0.5}]),
    "NLLLoss": ((LOGP, WITH_IGNORED), [{}, {"weight": unit(3)}, {"ignore_index": 1}]),
    "CrossEntropyLoss": (
        (x(5, 3), CLASSES),
        [
            {},
            {"weight": unit(3)},
            {"ignore_index": 1},
            {"label_smoothing": 0.1},
            {"weight": unit(3), "label_smoothing": 0.2},
        ],
    ),
    "BCELoss": ((unit(3, 4), unit(3, 4)), [{}, {"weight": unit(3, 4)}]),
    "BCEWithLogitsLoss": ((x(3, 4), unit(3, 4)), [{}, {"weight": unit(4)}, {"pos_weight": unit(4)}]),
    "KLDivLoss": ((x(3, 4), unit(3, 4)), [{}, {"log_target": True}]),
    "HingeEmbeddingLoss": ((x(3, 4), signs(3, 4)), [{}, {"margin": 0.4}]),
    "MarginRankingLoss": ((x(6), x(6), signs(6)), [{}, {"margin": 0.4}]),
    "CosineEmbeddingLoss": ((x(6, 4), x(6, 4), signs(6)), [{}, {"margin": 0.1}]),
    "TripletMarginLoss": ((x(6, 4), x(6, 4), x(6, 4)), [{}, {"margin": 2.0, "p": 3.0}, {"swap": True}]),
    "GaussianNLLLoss": ((x(3, 4), x(3, 4), unit(3, 4)), [{}, {"full": True, "eps": 1e-3}]),
    "PoissonNLLLoss": ((x(3, 4), unit(3, 4)), [{}, {"full": True}]),
    "SoftMarginLoss": ((x(3, 4), signs(3, 4)), [{}]),
}
CASES = [
    pytest.param(name, inputs, {**options, "reduction": reduction}, id=f"{name}-{list(options)}-{reduction}")
    for name, (inputs, choices) in LOSSES.items()
    for options in choices
    for reduction in ("mean", "sum", "none", *(["batchmean"] if name == "KLDivLoss" else []))
]


@pytest.mark.parametrize(("name", "inputs", "options"), CASES)
def test_a_loss_equals_pytorchs(name: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
    theirs = getattr(torch.nn, name)(
        **{k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    )
    ours = getattr(nn, name)(**{k: nt.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()})
    if name == "NLLLoss":  # with `x` above 0 it is no log-probability, but the function is linear in it
        assert inputs[0].max() < 0
    same_results(ours, theirs, inputs)
    assert list(ours.state_dict()) == list(theirs.state_dict()), "weights are buffers"


def test_every_loss_is_compared() -> None:
    assert set(LOSSES) == {n for n in nn.__all__ if n.endswith("Loss")}


@pytest.mark.parametrize("name", list(LOSSES))
def test_arguments_stand_in_pytorchs_order(name: str) -> None:
    import inspect

    def order(cls: Any) -> dict[str, Any]:
        found = inspect.signature(cls).parameters.values()
        return {p.name: p.default for p in found if p.name != "self"}

    assert list(order(getattr(nn, name)).items()) == list(order(getattr(torch.nn, name)).items())


def test_options_by_position_and_input_names() -> None:
    ours, theirs = pair("PoissonNLLLoss", False, True)
    same_results(ours, theirs, (unit(3, 4), unit(3, 4)))
    y = nn.MSELoss()(input=nt.ones(2), target=nt.zeros(2))
    assert y.item() == 1.0
    probabilities = unit(5, 3)
    same_results(*pair("CrossEntropyLoss"), (x(5, 3), probabilities / probabilities.sum(1, keepdims=True)))


def test_repr_shows_what_was_chosen() -> None:
    assert repr(nn.CrossEntropyLoss()) == "CrossEntropyLoss()"
    assert (
        repr(nn.CrossEntropyLoss(label_smoothing=0.1, reduction="sum"))
        == "CrossEntropyLoss(reduction='sum', label_smoothing=0.1)"
    )


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="reduction to be one of mean, sum, none, got 'average'"):
        nn.MSELoss(reduction="average")
    with pytest.raises(ValueError, match="size_average is not supported; use reduction="):
        nn.MSELoss(size_average=False)
    with pytest.raises(TypeError, match="unexpected keyword argument 'weights'"):
        nn.CrossEntropyLoss(weights=1)
