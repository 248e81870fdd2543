"""A trained GPT to go on from: the folder of a run, or one of GPT-2."""

from __future__ import annotations

import json
from pathlib import Path

from nanonet.data.tokenizer import Tokenizer, tokenizer_from_json
from nanonet.models.gpt import GPT, GPTConfig
from nanonet.models.gpt2_format import CONFIG, WEIGHTS, load_gpt2, read_weights

RUN, TOKENIZER = "model.json", "tokenizer.json"


def read_gpt_folder(folder: str | Path) -> tuple[GPT, Tokenizer]:
    """The network and its tokenizer. A run of `nanonet train gpt` has a model.json, a GPT-2 folder a config.json.

    Raises FileNotFoundError for a folder that lacks one of its files, ValueError for one of another network.
    """
    folder = Path(folder)
    if (folder / CONFIG).exists():
        model = load_gpt2(folder)
    elif (folder / RUN).exists():
        about = json.loads((folder / RUN).read_text(encoding="utf-8"))
        if about.get("recipe") != "gpt":
            raise ValueError(f"{folder}: expected a run of nanonet train gpt, got one of {about.get('recipe')!r}")
        model = GPT(GPTConfig.from_dict(about["settings"]["network"]))
        weights = read_weights(folder / WEIGHTS)
        model.load_state_dict({name.removeprefix("model."): w for name, w in weights.items()})
    else:
        raise FileNotFoundError(
            f"{folder}: expected {RUN} (a run of nanonet train gpt) or {CONFIG} (GPT-2), there is neither"
        )
    try:
        tokenizer = tokenizer_from_json((folder / TOKENIZER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{folder / TOKENIZER}: there is no such file; the network's tokenizer is needed"
        ) from None
    if tokenizer.vocab_size > model.config.vocab_size:
        raise ValueError(
            f"{folder}: its tokenizer has {tokenizer.vocab_size} tokens, its network {model.config.vocab_size}"
        )
    return model, tokenizer
