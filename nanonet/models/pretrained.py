"""Networks that others have trained: Hugging Face's folders, read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from nanonet.data.download import write_atomically
from nanonet.device import on_host
from nanonet.models import bert_format
from nanonet.models.bert_tokenizer import BertTokenizer, read_tokenizer
from nanonet.models.config import ConfigError

WEIGHTS, SETTINGS, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1", "I8": "i1"}
OLD = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # in files made from TensorFlow's


def load_pretrained(folder: str | Path, head: str | None = None) -> tuple[Any, Any]:
    """(model, tokenizer) of a folder in Hugging Face's format, the model in evaluation mode.

    folder  has config.json, model.safetensors, and tokenizer.json or vocab.txt; model_type bert, roberta,
            xlm-roberta, albert or gpt2
    head    None: the network alone, a BertModel; masked_lm, pretraining, classification, question_answering: with
            this head, whose weights begin anew where the folder does not have them

    Raises OSError for what is missing, ValueError for what is damaged or does not fit, ConfigError for settings that
    are not built; each says what to do.
    """
    folder = Path(folder)
    settings = read_settings(folder)
    kind = settings.get("model_type")
    if kind == "gpt2":
        from nanonet.data.tokenizer import tokenizer_from_json
        from nanonet.models.gpt2_format import load_gpt2

        model = load_gpt2(folder)
        if not (folder / TOKENIZER).exists():
            raise FileNotFoundError(f"{folder}: there is no {TOKENIZER}; gpt2_format.load_gpt2 reads the network alone")
        return model.eval(), tokenizer_from_json((folder / TOKENIZER).read_text(encoding="utf-8"))
    if kind not in bert_format.FAMILIES:
        known = ", ".join([*bert_format.FAMILIES, "gpt2"])
        raise ConfigError(f"{folder / SETTINGS}: expected model_type as one of {known}, got {kind!r}")
    if head is not None and head not in bert_format.HEADS:
        raise ValueError(f"load_pretrained: expected head None or one of {', '.join(bert_format.HEADS)}, got {head!r}")
    try:
        config = bert_format.read_config(settings)
    except ConfigError as error:
        raise ConfigError(f"{folder}: {error}") from None
    tensors = {_renamed(name): array for name, array in read_tensors(folder / WEIGHTS).items()}
    model = bert_format.build(config, head, tensors, str(folder / WEIGHTS))
    tokenizer = read_tokenizer(folder, config.pad_token_id)
    if len(tokenizer) > config.vocab_size:
        raise ValueError(f"{folder}: the tokenizer has {len(tokenizer)} tokens, the network only {config.vocab_size}")
    return model.eval(), tokenizer


def save_pretrained(folder: str | Path, model: Any, tokenizer: BertTokenizer | None = None) -> None:
    """Write config.json, model.safetensors and tokenizer.json, which load_pretrained and `transformers` read.

    Each file appears complete or not at all. The weights are kept to the last bit.
    """
    from safetensors.numpy import save

    folder = Path(folder)
    config = model.config
    bare = type(model).__name__ == "BertModel"
    prefix = "" if bare else f"{config.family}."
    tensors = {
        bert_format.their_name(name, config.family, prefix): np.ascontiguousarray(on_host(tensor.array))
        for name, tensor in model.state_dict().items()
    }
    write_atomically(folder / WEIGHTS, save(tensors, {"format": "pt"}))
    write_atomically(folder / SETTINGS, (json.dumps(bert_format.write_config(model), indent=2) + "\n").encode())
    if tokenizer is not None:
        write_atomically(folder / TOKENIZER, tokenizer.to_json().encode())


def read_settings(folder: Path) -> dict[str, Any]:
    """A folder's config.json."""
    if not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        raise FileNotFoundError(f"{folder}: expected a folder with {SETTINGS} and {WEIGHTS}, but it is {what}")
    file = folder / SETTINGS
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{folder}: there is no {SETTINGS}, so this is no folder of a network") from None
    except ValueError as error:
        raise ValueError(f"{file}: damaged ({error}); copy it again") from None
    if not isinstance(settings, dict):
        raise ValueError(f"{file}: expected an object with the network's settings, got {type(settings).__name__}")
    return settings


def read_tensors(file: Path) -> dict[str, np.ndarray]:
    """{name: array} of a safetensors file; half precision (float16, bfloat16) becomes float32.

    Raises FileNotFoundError, which names other formats that lie there instead, and ValueError for a damaged file.
    """
    from safetensors import SafetensorError, deserialize

    if not file.exists():
        raise FileNotFoundError(_instead(file))
    try:
        found = deserialize(file.read_bytes())
    except SafetensorError as error:
        raise ValueError(f"{file}: damaged or truncated ({error}); copy it again") from None
    return {name: _array(file, name, tensor) for name, tensor in found}


def _array(file: Path, name: str, tensor: dict[str, Any]) -> np.ndarray:
    kind = tensor["dtype"]
    if kind not in DTYPES:
        raise ValueError(f"{file}: {name} is of {kind}; expected one of {', '.join(DTYPES)}")
    array = np.frombuffer(tensor["data"], DTYPES[kind]).reshape(tensor["shape"])
    if kind == "BF16":  # the upper half of a float32
        return (array.astype("<u4") << 16).view("<f4")
    return array.astype(np.float32) if kind == "F16" else array


def _instead(file: Path) -> str:
    """What to do, given what else there is in the folder."""
    if (file.parent / f"{file.name}.index.json").exists():
        return f"{file.parent}: the weights are in several files, which are not read; save them again as one {WEIGHTS}"
    for other in ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"):
        if (file.parent / other).exists():
            return (
                f"{file.parent}: there is {other} but no {WEIGHTS}; the former is not read (it may run code). With "
                "transformers, AutoModel.from_pretrained(folder).save_pretrained(folder) writes the latter"
            )
    return f"{file.parent}: there is no {WEIGHTS}, so the network's weights are missing"


def _renamed(name: str) -> str:
    for old, new in OLD.items():
        name = name.replace(old, new) if name.endswith(old) else name
    return name
