"""MultiheadAttention and the Transformer equal PyTorch's: outputs, weights, gradients, masks. Needs torch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn

torch = pytest.importorskip("torch", reason="parity needs torch: pip install '.[peers]'")
from tests.nn_peers import close, exchange, pair, same_results  # noqa: E402

rng = np.random.default_rng(9)
T, S, N, E = 3, 4, 2, 6
pytestmark = [  # PyTorch's
    pytest.mark.filterwarnings("ignore:Support for mismatched"),
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True"),
]
CAUSAL = np.triu(np.ones((T, T), bool), 1)
PADDING = np.array([[False, False, False, True], [False, True, False, False]])


def x(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False, "batch_first": True},
        {"kdim": 5, "vdim": 7},
        {"add_bias_kv": True},
        {"add_zero_attn": True, "batch_first": True},
        {"add_bias_kv": True, "add_zero_attn": True, "kdim": 5},
    ],
    ids=str,
)
@pytest.mark.parametrize("need_weights", [True, False])
def test_attention_equals_pytorchs(options: dict[str, Any], need_weights: bool) -> None:
    ours, theirs = pair("MultiheadAttention", E, 2, **options)
    k, v = options.get("kdim", E), options.get("vdim", E)
    q, key, value = x(T, N, E), x(S, N, k), x(S, N, v)
    if options.get("batch_first"):
        q, key, value = (a.swapaxes(0, 1) for a in (q, key, value))
    masks: list[dict[str, Any]] = [
        {},
        {"attn_mask": rng.random((T, S)) < 0.3},
        {"attn_mask": x(T, S)},
        {"attn_mask": x(N * 2, T, S)},
        {"key_padding_mask": PADDING},
        {"key_padding_mask": x(N, S), "attn_mask": x(T, S)},
    ]
    for mask in masks:
        same_results(ours, theirs, (q, key, value), need_weights=need_weights, **mask)
    if need_weights:
        same_results(ours, theirs, (q, key, value), average_attn_weights=False)


def test_attention_to_itself_and_without_a_batch_axis() -> None:
    ours, theirs = pair("MultiheadAttention", E, 3)
    a, b = nt.tensor(x(T, N, E)), x(T, E)
    ta = torch.tensor(a.array)
    for one, two in zip(ours(a, a, a), theirs(ta, ta, ta), strict=True):
        close(one, two, "self-attention")
    mask = np.array([False, True, False])
    same_results(ours, theirs, (b, b, b), attn_mask=CAUSAL)
    same_results(ours, theirs, (b, b, b), key_padding_mask=mask, attn_mask=x(3, T, T))
    causal = nt.tensor(CAUSAL)
    close(
        ours(a, a, a, attn_mask=causal, is_causal=True)[0],
        theirs(ta, ta, ta, attn_mask=torch.tensor(CAUSAL))[0],
        "causal",
    )


LAYER = [
    dict(zip(("norm_first", "batch_first", "bias"), flags, strict=True))
    for flags in itertools.product([False, True], repeat=3)
]


@pytest.mark.parametrize("options", LAYER, ids=lambda o: "-".join(k for k, v in o.items() if v) or "plain")
def test_encoder_and_decoder_layers_equal_pytorchs(options: dict[str, bool]) -> None:
    for activation in ("relu", "gelu"):
        made = {"d_model": E, "nhead": 2, "dim_feedforward": 8, "dropout": 0.0, "activation": activation, **options}
        src, memory = x(T, N, E), x(S, N, E)
        if options["batch_first"]:
            src, memory = src.swapaxes(0, 1), memory.swapaxes(0, 1)
        encoder = pair("TransformerEncoderLayer", **made)
        assert repr(encoder[0]).replace(
            "  (out_proj): Linear", "  (out_proj): NonDynamicallyQuantizableLinear"
        ) == repr(encoder[1])
        same_results(*encoder, (src,))
        same_results(*encoder, (src,), src_mask=CAUSAL, src_key_padding_mask=PADDING[:, :T])
        decoder = pair("TransformerDecoderLayer", **made)
        same_results(*decoder, (src, memory))
        same_results(*decoder, (src, memory), tgt_mask=CAUSAL, memory_key_padding_mask=PADDING, memory_mask=x(T, S))


def build(lib: Any) -> tuple[Any, Any]:
    made: dict[str, Any] = {"d_model": E, "nhead": 2, "dim_feedforward": 8, "dropout": 0.0}
    options = {} if lib is nn else {"enable_nested_tensor": False}
    encoder = lib.TransformerEncoder(lib.TransformerEncoderLayer(**made), 2, lib.LayerNorm(E), **options)
    return encoder.double(), lib.TransformerDecoder(lib.TransformerDecoderLayer(**made), 2).double()


def test_stacks_and_the_whole_transformer_equal_pytorchs() -> None:
    for ours, theirs, inputs in zip(build(nn), build(torch.nn), [(x(T, N, E),), (x(T, N, E), x(S, N, E))], strict=True):
        assert all(
            np.array_equal(a.array, b.array)
            for a, b in zip(ours.layers[0].parameters(), ours.layers[1].parameters(), strict=True)
        ), "the copies start equal"
        exchange(ours, theirs)
        masks = {"mask": CAUSAL} if len(inputs) == 1 else {"tgt_mask": CAUSAL}
        same_results(ours, theirs, inputs, **masks)
    made: dict[str, Any] = {"d_model": E, "nhead": 2, "num_encoder_layers": 1, "num_decoder_layers": 2}
    ours, theirs = pair("Transformer", **made, dim_feedforward=8, dropout=0.0, batch_first=True)
    same_results(ours, theirs, (x(N, S, E), x(N, T, E)), tgt_mask=CAUSAL, src_key_padding_mask=PADDING)
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    assert mask.dtype == np.float32
    np.testing.assert_array_equal(mask.array, torch.nn.Transformer.generate_square_subsequent_mask(4).numpy())


def test_a_causal_mask_hides_the_future() -> None:
    layer = nn.TransformerEncoderLayer(E, 2, 8, dropout=0.0)
    mask = nn.Transformer.generate_square_subsequent_mask(T)
    src = x(T, 1, E).astype(np.float32)
    before = layer(nt.tensor(src), mask).array
    src[-1] += 1
    after = layer(nt.tensor(src), mask).array
    np.testing.assert_array_equal(before[:-1], after[:-1])
    assert np.any(before[-1] != after[-1])


def test_dropout_acts_on_attention_weights_in_training() -> None:
    net = nn.MultiheadAttention(E, 2, dropout=0.5)
    q = nt.tensor(x(8, N, E).astype(np.float32))
    weights = net(q, q, q, average_attn_weights=False)[1].array
    assert 0.3 < (weights == 0).mean() < 0.7
    assert np.all(net.eval()(q, q, q)[1].array > 0)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="needs num_heads that divides it"):
        nn.MultiheadAttention(6, 4)
    with pytest.raises(ValueError, match="activation 'relu', 'gelu' or a function, got 'sin'"):
        nn.TransformerEncoderLayer(6, 2, activation="sin")
    net = nn.MultiheadAttention(E, 2)
    q, k = nt.ones(T, N, E), nt.ones(S, N, E)
    with pytest.raises(ValueError, match="key of 6 features"):
        net(q, nt.ones(S, N, 5), k)
    with pytest.raises(ValueError, match="expected attn_mask"):
        net(q, k, k, attn_mask=np.zeros((S, T)))
    with pytest.raises(ValueError, match="expected key_padding_mask"):
        net(q, k, k, key_padding_mask=np.zeros((S, N)))
    with pytest.raises(TypeError, match="booleans or floats, got int64"):
        net(q, k, k, attn_mask=np.zeros((T, S), np.int64))
    with pytest.raises(ValueError, match="is_causal=True needs attn_mask"):
        net(q, k, k, is_causal=True)
