"""Folders of pretrained BERTs, for recipes that go on from one: runs of `nanonet train bert`, or Hugging Face's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nanonet.device import on_host
from nanonet.models.bert_config import BertConfig
from nanonet.models.bert_tokenizer import BertTokenizer, read_tokenizer
from nanonet.models.pretrained import load_pretrained, read_tensors

RUN, WEIGHTS, PART = "model.json", "model.safetensors", "model."


class Pretrained(NamedTuple):
    """Sizes, tokenizer, and the weights by their names in the network with its masked-token head."""

    config: BertConfig
    tokenizer: BertTokenizer
    weights: Mapping[str, np.ndarray]


def read_bert_folder(folder: str | Path) -> Pretrained:
    """What a run of the recipe `bert` left, or a folder in Hugging Face's format.

    Raises OSError or ValueError, which say what is missing or damaged.
    """
    folder = Path(folder).expanduser()
    if not (folder / RUN).exists():
        model, tokenizer = load_pretrained(folder, head="masked_lm")
        return Pretrained(model.config, tokenizer, {k: on_host(v.array) for k, v in model.state_dict().items()})
    try:
        about = json.loads((folder / RUN).read_text(encoding="utf-8"))
        recipe, sizes = about["recipe"], about["settings"]["network"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / RUN}: damaged, or not what nanonet train bert writes ({error!r})") from None
    if recipe != "bert":
        raise ValueError(f"{folder}: expected a run of the recipe bert, got one of {recipe}")
    weights = {name.removeprefix(PART): array for name, array in read_tensors(folder / WEIGHTS).items()}
    config = BertConfig.from_dict(sizes)
    return Pretrained(config, read_tokenizer(folder, config.pad_token_id), weights)


def begin_with(model: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Give the model those of the weights whose names it has; the others keep what they have.

    Raises ValueError where a shape differs.
    """
    model.load_state_dict({name: weights.get(name, on_host(own.array)) for name, own in model.state_dict().items()})
