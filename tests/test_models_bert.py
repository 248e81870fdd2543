"""BERT, RoBERTa and ALBERT say what `transformers` says from the same weights; pooling and layer cutting."""

import json

import numpy as np
import pytest

import nanonet as nt
from nanonet.models.bert import BertConfig, BertModel
from nanonet.models.bert_heads import (
    BertForMaskedLM,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    span_loss,
)
from nanonet.models.config import ConfigError
from nanonet.models.pooling import cut_layers, pool, pool_layers
from nanonet.models.pretrained import load_pretrained, save_pretrained

SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 20,
}
MORE = {"bert": {}, "roberta": {"pad_token_id": 1, "type_vocab_size": 1}, "albert": {"embedding_size": 8}}
KINDS = {"bert": "Bert", "roberta": "Roberta", "albert": "Albert"}
WORDS = ["[PAD]", "[MASK]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghij"]


@pytest.fixture(scope="module")
def transformers():
    pytest.importorskip("torch", reason="the peer is written in PyTorch")
    pytest.importorskip("tokenizers", reason="folders have tokenizers")
    return pytest.importorskip("transformers", reason="the peer whose figures are compared")


def config(family="bert", **changes):
    return BertConfig(**{"family": family, **SIZES, **MORE[family], **changes})


def tokens(family, n=3, t=12):
    """ids, mask, kinds with padding in the second and third text."""
    pad = MORE[family].get("pad_token_id", 0)
    rng = np.random.default_rng(0)
    ids, mask = rng.integers(5, 40, (n, t)), np.ones((n, t), np.int64)
    ids[1, 7:], mask[1, 7:], ids[2, 2:], mask[2, 2:] = pad, 0, pad, 0
    kinds = np.zeros_like(ids)
    kinds[0, 6:] = family != "roberta"
    return ids, mask, kinds


def peer(transformers, tmp_path, family, kind, act="gelu"):
    """Their network with random weights, saved in a folder with a vocabulary."""
    import torch

    torch.manual_seed(0)
    settings = getattr(transformers, f"{KINDS[family]}Config")(
        **SIZES, **MORE[family], hidden_act=act, initializer_range=0.5, layer_norm_eps=1e-6
    )
    model = getattr(transformers, f"{KINDS[family]}{kind}")(settings).eval()
    model.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return model


def both(model, theirs, family, **options):
    """Outputs of ours as arrays, and theirs."""
    import torch

    batch = tokens(family)
    with torch.no_grad():
        out = theirs.double()(*(torch.tensor(part) for part in batch), **options)
    return model.double()(*(nt.tensor(part) for part in batch)), out


def near(ours, theirs):
    """In double precision, where a wrong formula cannot hide; for float32, see test_pretrained.py."""
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("act", ["gelu", "gelu_new", "relu"])
@pytest.mark.parametrize("family", KINDS)
def test_every_layer_says_what_the_peers_does(transformers, tmp_path, family, act):
    theirs = peer(transformers, tmp_path, family, "Model", act)
    model, _ = load_pretrained(tmp_path)
    ours, out = both(model, theirs, family, output_hidden_states=True)
    assert len(ours.hidden_states) == 4
    for x, y in zip(ours.hidden_states, out.hidden_states, strict=True):
        near(x, y)
    near(ours.last_hidden_state, out.last_hidden_state)
    near(ours.pooler_output, out.pooler_output)


@pytest.mark.parametrize(
    ("family", "kind", "head"),
    [(family, "ForMaskedLM", "masked_lm") for family in KINDS]
    + [(family, "ForQuestionAnswering", "question_answering") for family in KINDS]
    + [(family, "ForSequenceClassification", "classification") for family in KINDS]
    + [("bert", "ForPreTraining", "pretraining"), ("albert", "ForPreTraining", "pretraining")],
)
def test_every_head_says_what_the_peers_does_and_goes_back(transformers, tmp_path, family, kind, head):
    theirs = peer(transformers, tmp_path / "theirs", family, kind)
    model, _ = load_pretrained(tmp_path / "theirs", head)
    weights = {name: tensor.numpy().copy() for name, tensor in theirs.state_dict().items()}
    ours, out = both(model, theirs, family)
    names = {
        "masked_lm": ["logits"],
        "classification": ["logits"],
        "question_answering": ["start_logits", "end_logits"],
        "pretraining": ["prediction_logits", "sop_logits" if family == "albert" else "seq_relationship_logits"],
    }[head]
    for x, name in zip(ours if isinstance(ours, tuple) else [ours], names, strict=True):
        near(x, out[name])

    save_pretrained(tmp_path / "ours", *load_pretrained(tmp_path / "theirs", head))
    again, info = type(theirs).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    for name, array in weights.items():
        np.testing.assert_array_equal(again.state_dict()[name].numpy(), array, err_msg=name)


def test_guesses_at_some_places_are_those_at_all_places():
    model = BertForMaskedLM(config()).eval()
    ids, mask, kinds = (nt.tensor(part) for part in tokens("bert"))
    at = np.array([5, 0, 13])
    everywhere = model(ids, mask, kinds).numpy().reshape(-1, 40)
    np.testing.assert_allclose(model(ids, mask, kinds, at=nt.tensor(at)).numpy(), everywhere[at], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("family", KINDS)
def test_padding_changes_nothing(family):
    model = BertModel(config(family)).eval()
    ids, mask, _ = tokens(family)
    whole = model(nt.tensor(ids), nt.tensor(mask)).last_hidden_state.numpy()
    alone = model(nt.tensor(ids[1:2, :7])).last_hidden_state.numpy()
    np.testing.assert_allclose(whole[1, :7], alone[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("head", [BertForPreTraining, BertForMaskedLM, BertForQuestionAnswering])
@pytest.mark.parametrize("family", KINDS)
def test_every_weight_has_a_gradient(family, head):
    if family == "roberta" and head is BertForPreTraining:
        head = BertForSequenceClassification  # RoBERTa has no second task
    model = head(config(family, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))
    ids, mask, kinds = (nt.tensor(part) for part in tokens(family))
    y = model(ids, mask, kinds)
    sum(((part * part).sum() for part in (y if isinstance(y, tuple) else [y])), nt.tensor(0.0)).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not abs(p.grad.numpy()).max() > 0]
    assert still == []


def test_albert_has_one_layer_for_all():
    shared, own = BertModel(config("albert", num_hidden_layers=12)), BertModel(config(num_hidden_layers=12))
    assert len(shared.encoder.layer) == 1
    assert len(shared.state_dict()) < len(own.state_dict()) / 5
    assert shared.embeddings.word_embeddings.weight.shape == (40, 8)


def test_the_span_loss_is_the_mean_of_both_ends():
    start, end = nt.tensor([[0.0, 2.0, 1.0]]), nt.tensor([[3.0, 0.0, 0.0]])
    loss = span_loss(start, end, nt.tensor([1]), nt.tensor([2])).item()
    by_hand = (np.log(np.exp([0, 2, 1]).sum()) - 2 + np.log(np.exp([3, 0, 0]).sum()) - 0) / 2
    assert loss == pytest.approx(by_hand, rel=1e-6)


def test_pooling():
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1]])
    x[0, 2:] = 100  # padding, which must not count
    ways = {how: pool(nt.tensor(x), nt.tensor(mask), how).numpy() for how in ("mean", "cls", "max")}
    np.testing.assert_allclose(ways["mean"], [x[0, :2].mean(0), x[1].mean(0)], rtol=1e-6)
    np.testing.assert_array_equal(ways["cls"], x[:, 0])
    np.testing.assert_array_equal(ways["max"], [x[0, :2].max(0), x[1].max(0)])
    both = pool_layers([nt.tensor(-x), nt.tensor(x * 2), nt.tensor(x)], nt.tensor(mask), last=2, unit=True).numpy()
    unit = ways["mean"] / np.linalg.norm(ways["mean"], axis=1, keepdims=True)
    np.testing.assert_allclose(both, np.concatenate([unit, unit], 1), rtol=1e-6)
    with pytest.raises(ValueError, match="expected 1 to 2 layers, got 3"):
        pool_layers([nt.tensor(x)] * 3, nt.tensor(mask), last=3)
    with pytest.raises(ValueError, match="expected one of mean, cls, max, got 'sum'"):
        pool(nt.tensor(x), nt.tensor(mask), "sum")


@pytest.mark.parametrize("family", KINDS)
def test_a_cut_network_stops_at_an_earlier_layer(family):
    model = BertModel(config(family)).eval()
    ids, mask, kinds = (nt.tensor(part) for part in tokens(family))
    states = model(ids, mask, kinds).hidden_states
    short = cut_layers(model, 2)
    assert not short.training
    np.testing.assert_array_equal(short(ids, mask, kinds).last_hidden_state.numpy(), states[2].numpy())
    with pytest.raises(ValueError, match="expected 1 to 3 layers of 0 to 2, got 4"):
        cut_layers(model, 4)


def test_a_cut_network_has_the_layers_of_the_numbers():
    model = BertModel(config())
    short = cut_layers(model, [2, 0])
    for new, old in enumerate([2, 0]):
        a, b = short.encoder.layer[new].state_dict(), model.encoder.layer[old].state_dict()
        assert all((a[name].numpy() == b[name].numpy()).all() for name in b)
    assert short.encoder.layer[0].output.dense.weight is not model.encoder.layer[2].output.dense.weight


def test_errors_say_what_to_do():
    model = BertModel(config("roberta"))
    with pytest.raises(ValueError, match=r"expected at most 18 tokens .*got 19; truncate the texts"):
        model(nt.tensor(np.full((1, 19), 5)))
    with pytest.raises(ValueError, match=r"expected input_ids \(N, T\), got shape \(4,\)"):
        model(nt.tensor([1, 2, 3, 4]))
    with pytest.raises(ValueError, match=r"expected attention_mask \(1, 3\), got \(1, 4\)"):
        model(nt.tensor([[5, 6, 7]]), nt.tensor([[1, 1, 1, 1]]))
    with pytest.raises(ConfigError, match="expected num_attention_heads as a divisor of hidden_size=16, got 3"):
        config(num_attention_heads=3)
    with pytest.raises(ConfigError, match=r"expected hidden_act as one of gelu, .*got 'mish'"):
        config(hidden_act="mish")
    with pytest.raises(ConfigError, match="only family=albert"):
        config(embedding_size=8)
    with pytest.raises(ConfigError, match="did you mean 'hidden_size'"):
        BertConfig.from_dict({"hiden_size": 4})


def test_numba_says_the_same():
    ids, mask, kinds = (nt.tensor(part) for part in tokens("bert"))
    model = BertModel(config()).eval()
    plain = model(ids, mask, kinds).last_hidden_state.numpy()
    with nt.use("numba"):
        np.testing.assert_allclose(model(ids, mask, kinds).last_hidden_state.numpy(), plain, rtol=0, atol=1e-5)


def test_the_config_survives_json():
    for family in KINDS:
        assert BertConfig.from_dict(json.loads(json.dumps(config(family).to_dict()))) == config(family)
