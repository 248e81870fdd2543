"""From the vectors of a text's tokens to one vector; and networks with fewer layers (D3)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nanonet import functional as F
from nanonet.models.bert import BertModel
from nanonet.tensor import Tensor

WAYS = ("mean", "cls", "max")


def pool(hidden: Tensor, mask: Tensor, how: str = "mean") -> Tensor:
    """One vector for each text:  hidden (N, T, D), mask (N, T) with 1 for tokens and 0 for padding -> (N, D).

    mean    Σₜ maskₜ hₜ / Σₜ maskₜ
    cls     h₀, that of the first token, [CLS]
    max     the largest of each feature, padding left out

    Source: Reimers and Gurevych 2019 (Sentence-BERT), section 3. Raises ValueError for another way.
    """
    if how not in WAYS:
        raise ValueError(f"pool: expected one of {', '.join(WAYS)}, got {how!r}")
    if how == "cls":
        return hidden[:, 0]
    real = mask.astype("bool")[:, :, None]
    if how == "max":
        return F.max(F.where(real, hidden, -float("inf")), axis=1)
    weights = real.astype(hidden.dtype)
    return F.sum(hidden * weights, axis=1) / F.maximum(F.sum(weights, axis=1), 1e-9)


def pool_layers(states: Sequence[Tensor], mask: Tensor, how: str = "mean", last: int = 1, unit: bool = False) -> Tensor:
    """`pool` of each of the `last` layers, from the lowest of these to the highest, beside each other: (N, last · D).

    `unit` divides each layer's vector by its length. Raises ValueError for more layers than there are.
    """
    if not 1 <= last < len(states):
        raise ValueError(f"pool_layers: expected 1 to {len(states) - 1} layers, got {last}")
    vectors = [pool(hidden, mask, how) for hidden in states[-last:]]
    return F.concatenate([F.normalize(v) for v in vectors] if unit else vectors, axis=-1)


def cut_layers(model: BertModel, keep: int | Sequence[int]) -> BertModel:
    """A copy of the network with its first `keep` layers, or with the layers of these numbers, counted from 0.

    The lower layers of a BERT know most of what a small task needs; what is left is fine-tuned. Raises ValueError for
    layers that there are not.
    """
    total = model.config.num_hidden_layers
    chosen = list(range(keep)) if isinstance(keep, int) else list(keep)
    if not chosen or (isinstance(keep, int) and keep > total) or not all(0 <= i < total for i in chosen):
        raise ValueError(f"cut_layers: expected 1 to {total} layers of 0 to {total - 1}, got {keep}")
    smaller = BertModel(model.config.replace(num_hidden_layers=len(chosen)), pooler=model.pooler is not None)
    weights = model.state_dict()
    if model.config.family == "albert":  # its layers are one
        smaller.load_state_dict(weights)
    else:
        smaller.load_state_dict({name: weights[_moved(name, chosen)] for name in smaller.state_dict()})
    smaller.train(model.training)
    return smaller


def _moved(name: str, chosen: list[int]) -> str:
    """The name, in the whole network, of a weight of the smaller one."""
    return re.sub(r"(?<=encoder\.layer\.)\d+", lambda found: str(chosen[int(found[0])]), name)
