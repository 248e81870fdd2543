"""Layers have PyTorch's repr, parameters, results and gradients, with every option. Needs torch."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn

torch = pytest.importorskip("torch", reason="parity needs torch: pip install '.[peers]'")
from tests.nn_peers import exchange, pair, same_results  # noqa: E402

rng = np.random.default_rng(4)


def x(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


def case(name: str, *args: Any, input: Any, **kwargs: Any) -> Any:
    inputs = input if isinstance(input, tuple) else (input,)
    options = ", ".join([*map(str, args), *(f"{k}={v}" for k, v in kwargs.items())])
    return pytest.param(name, args, kwargs, inputs, id=f"{name}({options})")


LAYERS = [
    case("Identity", 3, input=x(2, 3)),
    case("Linear", 4, 3, input=x(5, 4)),
    case("Linear", 4, 3, bias=False, input=x(2, 5, 4)),
    case("Linear", 4, 3, input=x(4)),
    case("Bilinear", 3, 4, 2, input=(x(5, 3), x(5, 4))),
    case("Bilinear", 3, 4, 2, bias=False, input=(x(2, 5, 3), x(2, 5, 4))),
    case("Conv1d", 4, 6, 3, input=x(2, 4, 9)),
    case("Conv1d", 4, 6, 3, 2, 1, 2, 2, False, input=x(2, 4, 9)),
    case("Conv1d", 2, 3, 4, padding="same", padding_mode="circular", input=x(2, 2, 9)),
    case("Conv2d", 3, 4, 3, input=x(2, 3, 7, 6)),
    case(
        "Conv2d",
        4,
        4,
        (3, 2),
        stride=(2, 1),
        padding=(1, 2),
        dilation=(1, 2),
        groups=2,
        bias=False,
        input=x(2, 4, 7, 6),
    ),
    case("Conv2d", 2, 3, 3, padding="same", input=x(2, 5, 6)),
    case("Conv2d", 2, 3, (2, 4), padding="same", dilation=2, padding_mode="replicate", input=x(1, 2, 8, 9)),
    case("Conv2d", 2, 3, 3, padding="valid", padding_mode="reflect", input=x(1, 2, 5, 6)),
    case("Conv2d", 2, 3, 3, padding=(1, 2), padding_mode="reflect", input=x(1, 2, 5, 6)),
    case("Conv2d", 2, 3, 3, padding=(1, 2), padding_mode="circular", input=x(1, 2, 5, 6)),
    case("ConvTranspose1d", 4, 6, 3, 2, 1, 1, 2, input=x(2, 4, 5)),
    case("ConvTranspose2d", 3, 4, 3, input=x(2, 3, 4, 5)),
    case(
        "ConvTranspose2d",
        4,
        2,
        (3, 2),
        stride=(2, 3),
        padding=1,
        output_padding=(1, 0),
        dilation=(1, 2),
        bias=False,
        input=x(2, 4, 4, 5),
    ),
    case("MaxPool1d", 3, input=x(2, 3, 8)),
    case("MaxPool2d", 2, input=x(2, 3, 6, 7)),
    case("MaxPool2d", (3, 2), stride=(2, 1), padding=1, dilation=1, ceil_mode=True, input=x(2, 3, 6, 7)),
    case("AvgPool1d", 3, 2, 1, input=x(2, 3, 8)),
    case("AvgPool2d", 2, input=x(2, 3, 6, 7)),
    case("AvgPool2d", 3, 2, 1, True, False, input=x(2, 3, 6, 7)),
    case("AvgPool2d", 3, 2, divisor_override=5, input=x(2, 3, 6, 7)),
    case("AdaptiveAvgPool2d", (3, 2), input=x(2, 3, 7, 5)),
    case("AdaptiveAvgPool2d", 1, input=x(2, 3, 7, 5)),
    case("AdaptiveAvgPool2d", (None, 2), input=x(2, 3, 4, 5)),
    case("BatchNorm1d", 3, input=x(6, 3)),
    case("BatchNorm1d", 3, eps=1e-3, momentum=None, input=x(6, 3, 4)),
    case("BatchNorm1d", 3, affine=False, track_running_stats=False, input=x(6, 3)),
    case("BatchNorm2d", 3, momentum=0.3, input=x(2, 3, 4, 5)),
    case("LayerNorm", 4, input=x(2, 3, 4)),
    case("LayerNorm", (3, 4), eps=1e-3, bias=False, input=x(2, 3, 4)),
    case("LayerNorm", [4], elementwise_affine=False, input=x(2, 3, 4)),
    case("GroupNorm", 2, 6, input=x(2, 6, 3)),
    case("GroupNorm", 3, 6, eps=1e-3, affine=False, input=x(2, 6, 3, 2)),
    case("InstanceNorm2d", 3, input=x(2, 3, 4, 5)),
    case("InstanceNorm2d", 3, affine=True, track_running_stats=True, input=x(2, 3, 4, 5)),
    case("InstanceNorm2d", 3, input=x(3, 4, 5)),
    case("RMSNorm", 4, input=x(2, 3, 4)),
    case("RMSNorm", (3, 4), eps=1e-3, elementwise_affine=False, input=x(2, 3, 4)),
    case("Embedding", 7, 3, input=rng.integers(0, 7, (2, 5))),
    case("Embedding", 7, 3, padding_idx=2, input=np.array([[1, 2, 2], [0, 6, 2]])),
    case("Embedding", 7, 3, padding_idx=-1, input=np.array([1, 6, 6])),
    case("Dropout", 0.0, input=x(2, 3)),
    case("Dropout2d", 0.0, True, input=x(2, 3, 4, 5)),
    case("Flatten", input=x(2, 3, 4)),
    case("Flatten", 0, 1, input=x(2, 3, 4)),
    case("Unflatten", 1, (2, -1), input=x(3, 6, 2)),
    case("Unflatten", -1, (2, 1), input=x(3, 2)),
    case("Upsample", scale_factor=2, input=x(2, 3, 3, 4)),
    case("Upsample", size=(5, 7), mode="bilinear", input=x(2, 3, 3, 4)),
    case("Upsample", scale_factor=(2, 3), mode="bilinear", align_corners=True, input=x(2, 3, 3, 4)),
    case("PixelShuffle", 2, input=x(2, 8, 3, 4)),
]

ACTIVATIONS = [
    case(name, *args, input=x(3, 4) * 3, **kwargs)
    for name, args, kwargs in [
        *[(n, (), {}) for n in ("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardswish")],
        *[(n, (), {}) for n in ("Sigmoid", "Tanh", "Softsign", "Tanhshrink", "LogSigmoid")],
        ("ReLU", (True,), {}),
        ("LeakyReLU", (), {}),
        ("LeakyReLU", (0.2, True), {}),
        ("PReLU", (), {}),
        ("PReLU", (4,), {"init": 0.1}),
        ("ELU", (), {}),
        ("ELU", (), {"alpha": 0.7}),
        ("CELU", (), {}),
        ("CELU", (0.5,), {"inplace": True}),  # PyTorch rounds 1/alpha to float32
        ("GELU", (), {}),
        ("GELU", (), {"approximate": "tanh"}),
        ("Softplus", (), {}),
        ("Softplus", (2.0, 3.0), {}),
        ("Hardtanh", (), {}),
        ("Hardtanh", (-2.0, 0.5), {}),
        ("Hardshrink", (), {}),
        ("Softshrink", (0.3,), {}),
        ("Threshold", (0.1, 20), {}),
        ("GLU", (), {}),
        ("GLU", (1,), {}),
        ("Softmax", (), {"dim": -1}),
        ("Softmin", (), {"dim": 0}),
        ("LogSoftmax", (1,), {}),
    ]
]


@pytest.mark.parametrize(("name", "args", "kwargs", "inputs"), LAYERS + ACTIVATIONS)
def test_a_layer_equals_pytorchs(name: str, args: Any, kwargs: Any, inputs: Any) -> None:
    ours, theirs = pair(name, *args, **kwargs)
    shown = repr(ours) if "bias" in repr(theirs) else re.sub(r", bias=\w+", "", repr(ours))  # PyTorch < 2.13
    assert shown == repr(theirs)
    same_results(ours, theirs, inputs)
    same_results(ours, theirs, inputs)  # again: running statistics go on
    ours.eval()
    theirs.eval()
    same_results(ours, theirs, inputs)
    exchange(ours, theirs)


class PreciseHardsigmoid(torch.nn.Module):
    def forward(self, input: Any) -> Any:
        return torch.nn.functional.relu6(input + 3) / 6  # the gradient of PyTorch's own has 1/6 rounded to float32


def test_hardsigmoid_equals_pytorchs() -> None:
    assert repr(nn.Hardsigmoid()) == repr(torch.nn.Hardsigmoid())
    same_results(nn.Hardsigmoid(), PreciseHardsigmoid(), (x(3, 4) * 3,))


@pytest.mark.parametrize("make", [lambda: nn.BatchNorm1d(3, bias=False), lambda: nn.GroupNorm(1, 3, bias=False)])
def test_a_norm_without_bias(make: Any) -> None:
    norm = make()
    assert norm.bias is None
    assert "weight" in norm.state_dict()
    assert "bias" not in norm.state_dict()
    assert norm(nt.ones(2, 3)).shape == (2, 3)


def test_every_layer_is_compared() -> None:
    """A module that is added without a comparison is noticed here."""
    compared = {p.values[0] for p in LAYERS + ACTIVATIONS} | {"Hardsigmoid"}
    elsewhere = {"Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList"}  # test_nn_module.py
    elsewhere |= {"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"}  # test_nn_recurrent.py
    layers = {n for n in nn.__all__ if inspect.isclass(getattr(nn, n)) and issubclass(getattr(nn, n), nn.Module)}
    left = {n for n in layers - compared - elsewhere if "Transformer" not in n and not n.endswith("Loss")}
    assert left == {
        "MultiheadAttention"
    }  # test_nn_transformer.py has it and the Transformers, test_nn_loss.py the losses


@pytest.mark.parametrize("name", ["ConvTranspose1d", "ConvTranspose2d"])
def test_transposed_convolution_finds_the_padding_for_an_output_size(name: str) -> None:
    ours, theirs = pair(name, 2, 3, 3, stride=3, padding=1)
    size = (15,) if name.endswith("1d") else (15, 14)
    shape = (1, 2, 5) if name.endswith("1d") else (1, 2, 5, 5)
    same_results(ours, theirs, (x(*shape),), output_size=size)
    with pytest.raises(ValueError, match=r"output_size from 13 to 15, got 16"):
        ours(nt.tensor(x(*shape)), output_size=(16,) * len(size))


def test_max_pool_returns_indices() -> None:
    ours, theirs = pair("MaxPool2d", 2, return_indices=True)
    same_results(ours, theirs, (x(2, 3, 4, 4),))


def test_first_values_of_norms_and_padding() -> None:
    norm = nn.BatchNorm2d(3)
    for tensor, value in ((norm.weight, 1), (norm.bias, 0), (norm.running_mean, 0), (norm.running_var, 1)):
        assert np.all(tensor.array == value)
    assert norm.num_batches_tracked.shape == ()
    assert norm.num_batches_tracked.dtype == np.int64
    assert np.all(nn.Embedding(4, 3, padding_idx=1).weight.array[1] == 0)


def test_embedding_from_pretrained_keeps_or_trains_the_vectors() -> None:
    vectors = rng.standard_normal((5, 3))
    frozen = nn.Embedding.from_pretrained(vectors)
    assert not frozen.weight.requires_grad
    np.testing.assert_array_equal(frozen(nt.tensor([4, 0])).array, vectors[[4, 0]])
    assert nn.Embedding.from_pretrained(vectors, freeze=False).weight.requires_grad
    vectors[:] = 0
    assert np.any(frozen.weight.array != 0), "the vectors are copied"


def test_dropout_acts_in_training_only() -> None:
    layer, ones = nn.Dropout(0.5), nt.ones(100, 100)
    nt.manual_seed(0)
    y = layer(ones).array
    assert set(np.unique(y)) == {0.0, 2.0}
    assert 0.45 < (y == 0).mean() < 0.55
    nt.manual_seed(0)
    np.testing.assert_array_equal(layer(ones).array, y)
    np.testing.assert_array_equal(layer.eval()(ones).array, ones.array)
    channels = nn.Dropout2d(0.5)(nt.ones(20, 30, 2, 3)).array
    assert np.all(channels == channels[:, :, :1, :1])
    assert set(np.unique(channels)) == {0.0, 2.0}


BAD = [
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups that divide 3 and 4"),
    (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "padding_mode to be one of"),
    (lambda: nn.Conv2d(3, 4, 3, padding="full"), "'same' or 'valid', got 'full'"),
    (lambda: nn.Conv2d(3, 4, 3, stride=2, padding="same"), "needs stride 1"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), "padding_mode to be one of zeros"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), "padding as numbers, got 'same'"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), "kernel_size: expected an integer or 2"),
    (lambda: nn.GroupNorm(4, 6), "num_groups that divides num_channels=6"),
    (lambda: nn.BatchNorm1d(3)(nt.ones(2, 3, 4, 5)), "expected x of 2 or 3 axes"),
    (lambda: nn.Dropout(1.5), "p from 0 to 1"),
    (lambda: nn.Embedding(4, 3, padding_idx=4), "padding_idx from -4 to 3"),
    (lambda: nn.Embedding(4, 3, max_norm=1.0), "not supported"),
    (lambda: nn.Embedding.from_pretrained(np.ones(3)), "embeddings"),
    (lambda: nn.Upsample(scale_factor=2, recompute_scale_factor=True), "not supported"),
    (lambda: nn.Unflatten(3, (2, 2))(nt.ones(2, 4)), "axis 3"),
    (lambda: nn.Linear(2, 3, device="tpu"), "device"),
]


@pytest.mark.parametrize(("make", "words"), BAD, ids=[words for _, words in BAD])
def test_a_wrong_argument_is_refused(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_an_unknown_argument_names_those_there_are() -> None:
    with pytest.raises(
        TypeError, match=r"ELU: got an unexpected keyword argument 'slope'; its arguments are \(alpha=1.0"
    ):
        nn.ELU(slope=1)
    with pytest.raises(TypeError, match="Threshold: missing a required argument: 'value'"):
        nn.Threshold(0.1)


class SlightlyWrong(nn.Linear):
    def forward(self, input: Any) -> Any:
        return super().forward(input) * (1 + 1e-8)


def test_the_comparison_notices_planted_faults() -> None:
    """A result that is wrong in the ninth digit, a lost gradient, other names."""
    theirs = torch.nn.Linear(3, 2).double()
    wrong = SlightlyWrong(3, 2).double()
    exchange(wrong, theirs)
    with pytest.raises(AssertionError, match="output"):
        same_results(wrong, theirs, (x(4, 3),))
    detached = nn.Linear(3, 2).double()
    exchange(detached, theirs)
    detached.register_full_backward_hook(lambda m, dx, dy: (dx[0] * 0,))
    with pytest.raises(AssertionError, match="gradient of an input"):
        same_results(detached, theirs, (x(4, 3),))
    renamed = nn.Linear(3, 2).double()
    renamed.kernel, renamed.weight = renamed.weight, None
    with pytest.raises(AssertionError):
        exchange(renamed, theirs)
