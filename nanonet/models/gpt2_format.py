"""GPT-2 folders of Hugging Face (config.json and model.safetensors): read into a GPT, and written from one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from nanonet.data.download import write_atomically
from nanonet.device import on_host
from nanonet.models.config import ConfigError
from nanonet.models.gpt import GPT, GPTConfig

CONFIG, WEIGHTS = "config.json", "model.safetensors"
PREFIX = "transformer."
TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")  # Conv1D, y = x W + b, has W (in, out)
BUFFERS = (".attn.bias", ".attn.masked_bias")  # masks that older files have among the weights
NAMES = {"gelu_pytorch_tanh": "gelu_new"}  # the same function
EXPECTED = {  # what would change the network, and the values that GPT has
    "model_type": ("gpt2",),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "tie_word_embeddings": (True,),
}


def load_gpt2(folder: str | Path) -> GPT:
    """The GPT of a Hugging Face GPT-2 folder, in evaluation mode; dropouts are those of its config.json.

    Weights may be named with or without "transformer."; a separate `lm_head.weight` must equal the embedding, for GPT
    has one for both. Raises FileNotFoundError for a missing file, ConfigError for a network that GPT is not,
    ValueError for a damaged file and for weights of other names or shapes.
    """
    folder = Path(folder)
    model = GPT(read_config(folder))
    model.load_state_dict(from_gpt2(read_weights(folder / WEIGHTS), str(folder / WEIGHTS)))
    model.eval()
    return model


def save_gpt2(model: GPT, folder: str | Path, **config: Any) -> None:
    """Write a folder that `transformers.GPT2LMHeadModel.from_pretrained` reads. `config` adds to its config.json."""
    from safetensors.numpy import save

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "architectures": ["GPT2LMHeadModel"],
        **{key: values[0] for key, values in EXPECTED.items()},
        **model.config.to_dict(),
        **config,
    }
    write_atomically(folder / WEIGHTS, save(to_gpt2(model), {"format": "pt"}))
    write_atomically(folder / CONFIG, (json.dumps(about, indent=2, sort_keys=True) + "\n").encode())


def read_config(folder: Path) -> GPTConfig:
    """The sizes in config.json; settings that GPT lacks are passed over, unless they make another network."""
    path = folder / CONFIG
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file; a GPT-2 folder has {CONFIG} and {WEIGHTS}") from None
    except ValueError as error:
        raise ValueError(f"{path}: expected JSON in UTF-8 ({error})") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: expected an object with GPT-2's settings, got a {type(found).__name__}")
    for key, values in EXPECTED.items():
        if key in found and found[key] not in values:
            raise ConfigError(f"{path}: expected {key} {' or '.join(map(repr, values))}, got {found[key]!r}")
    missing = [key for key in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head") if key not in found]
    if missing:
        raise ConfigError(f"{path}: it lacks {', '.join(missing)}, the sizes of a GPT-2")
    activation = found.get("activation_function", "gelu_new")
    try:
        return GPTConfig.from_dict(
            {**found, "activation_function": NAMES.get(activation, activation)}, ignore_unknown=True
        )
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def from_gpt2(weights: dict[str, np.ndarray], source: str = "GPT-2 weights") -> dict[str, np.ndarray]:
    """GPT-2's weights by GPT's names and shapes."""
    found: dict[str, np.ndarray] = {}
    for name, w in weights.items():
        short = name.removeprefix(PREFIX)
        if not short.endswith(BUFFERS):
            found[short] = w.T if short.endswith(TRANSPOSED) else w
    head = found.pop("lm_head.weight", None)
    if head is not None and not np.array_equal(head, found.get("wte.weight", head)):
        raise ValueError(f"{source}: expected lm_head.weight equal to wte.weight, which GPT has for both; they differ")
    if head is not None:
        found.setdefault("wte.weight", head)
    return found


def to_gpt2(model: GPT) -> dict[str, np.ndarray]:
    """The weights by GPT-2's names and shapes; the output's is the embedding and not written again."""
    found = {name: on_host(w.array) for name, w in model.state_dict().items()}
    return {PREFIX + name: np.ascontiguousarray(w.T if name.endswith(TRANSPOSED) else w) for name, w in found.items()}


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file. Raises FileNotFoundError, or ValueError for a damaged file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(path.read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file; the weights are missing") from None
    except (SafetensorError, ValueError, KeyError) as error:
        raise ValueError(f"{path}: damaged, or no safetensors file ({' '.join(str(error).split())})") from None
