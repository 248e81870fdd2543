"""Hugging Face's folders of BERT, RoBERTa and ALBERT: their config.json, and their names for the weights."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from nanonet.device import on_host
from nanonet.models.bert import BertModel
from nanonet.models.bert_config import BertConfig
from nanonet.models.bert_heads import (
    BertForMaskedLM,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
)
from nanonet.models.config import ConfigError
from nanonet.nn import Module

FAMILIES = {"bert": "bert", "roberta": "roberta", "xlm-roberta": "roberta", "albert": "albert"}  # by model_type
HEADS: dict[str, Any] = {
    "masked_lm": BertForMaskedLM,
    "pretraining": BertForPreTraining,
    "classification": BertForSequenceClassification,
    "question_answering": BertForQuestionAnswering,
}
ARCHITECTURES = {
    BertModel: "Model",
    BertForMaskedLM: "ForMaskedLM",
    BertForPreTraining: "ForPreTraining",
    BertForSequenceClassification: "ForSequenceClassification",
    BertForQuestionAnswering: "ForQuestionAnswering",
}
DEFAULTS: dict[str, dict[str, Any]] = {  # where they differ from BERT's, for files that leave them out
    "bert": {},
    "roberta": {"vocab_size": 50265, "pad_token_id": 1},
    "albert": {"vocab_size": 30000, "embedding_size": 128, "hidden_size": 4096, "num_attention_heads": 64}
    | {"intermediate_size": 16384, "hidden_act": "gelu_new", "attention_probs_dropout_prob": 0.0}
    | {"hidden_dropout_prob": 0.0},
}
ONLY = {  # settings that change the network in ways that are not built, with the one value that is
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "num_hidden_groups": 1,
    "inner_group_num": 1,
    "tie_word_embeddings": True,
    "quantization_config": None,
    "pruned_heads": {},
}
# Our names are BERT's own. What the other families call the same: (ours, theirs), applied one after the other.
NAMES = {
    "bert": [],
    "roberta": [
        (r"^classifier\.", "classifier.out_proj."),
        (r"^bert\.pooler\.dense\.", "classifier.dense."),  # a head of RoBERTa's has its own pooler
        (r"^cls\.predictions\.transform\.dense\.", "lm_head.dense."),
        (r"^cls\.predictions\.transform\.LayerNorm\.", "lm_head.layer_norm."),
        (r"^cls\.predictions\.", "lm_head."),
    ],
    "albert": [
        (r"pooler\.dense\.", "pooler."),
        (r"attention\.(self|output)\.", "attention."),
        (r"layer\.0\.intermediate\.dense\.", "layer.0.ffn."),
        (r"layer\.0\.output\.dense\.", "layer.0.ffn_output."),
        (r"layer\.0\.output\.LayerNorm\.", "layer.0.full_layer_layer_norm."),
        (r"encoder\.layer\.0\.", "encoder.albert_layer_groups.0.albert_layers.0."),
        (r"^cls\.predictions\.(transform\.)?", "predictions."),
        (r"^cls\.seq_relationship\.", "sop_classifier.classifier."),
    ],
}
HEAD = re.compile(r"(cls|classifier|qa_outputs)\.")


def read_config(settings: Mapping[str, Any]) -> BertConfig:
    """The configuration in a config.json. Raises ConfigError for what the network does not have."""
    family = FAMILIES[settings["model_type"]]
    for name, value in ONLY.items():
        if settings.get(name, value) not in (value, None):
            raise ConfigError(f"config.json: expected {name} {value!r}, the only one built, got {settings[name]!r}")
    known = {field.name for field in dataclasses.fields(BertConfig)} - {"family"}
    if family != "albert":
        known -= {"embedding_size"}
    values = DEFAULTS[family] | {name: settings[name] for name in known if settings.get(name) is not None}
    return BertConfig.from_dict({"family": family, **values})


def write_config(model: Any) -> dict[str, Any]:
    """The config.json of a model, which `transformers` reads."""
    config: BertConfig = model.config
    settings = {k: v for k, v in config.to_dict().items() if k not in ("family", "embedding_size")}
    if config.family == "albert":
        settings |= {"embedding_size": config.embedding_size or config.hidden_size}
    if isinstance(model, BertForSequenceClassification):
        labels = range(model.classifier.out_features)
        settings |= {"id2label": {str(i): f"LABEL_{i}" for i in labels}, "label2id": {f"LABEL_{i}": i for i in labels}}
    kind = {"bert": "Bert", "roberta": "Roberta", "albert": "Albert"}[config.family]
    return {"model_type": config.family, "architectures": [kind + ARCHITECTURES[type(model)]], **settings}


def build(config: BertConfig, head: str | None, tensors: Mapping[str, np.ndarray], where: str) -> Module:
    """The network with the weights of the file. A head that the file does not have begins anew, as does a pooler.

    Raises ValueError where other weights are missing, or have other shapes.
    """
    prefix = config.family + "." if any(name.startswith(config.family + ".") for name in tensors) else ""
    if head is None:
        model: Any = BertModel(config, pooler=any(name.startswith(f"{prefix}pooler.") for name in tensors))
    elif head == "classification":
        rows = tensors.get("classifier.weight", tensors.get("classifier.out_proj.weight"))
        model = BertForSequenceClassification(config, 2 if rows is None else len(rows))
    else:
        model = HEADS[head](config)
    found, missing = {}, []
    for name, own in model.state_dict().items():
        theirs = their_name(name, config.family, prefix)
        if theirs in tensors:
            found[name] = tensors[theirs]
        else:
            missing.append(theirs)
            found[name] = on_host(own.array)
    body = [name for name in missing if ".encoder." in f".{name}" or ".embeddings." in f".{name}"]
    if body:
        raise ValueError(f"{where}: {len(body)} weights of the network are missing, the first is {body[0]}")
    try:
        model.load_state_dict(found)
    except ValueError as error:
        raise ValueError(f"{where}: the weights do not fit config.json ({' '.join(str(error).split())})") from None
    return model


def their_name(ours: str, family: str, prefix: str) -> str:
    """The name in a file in which those of the encoder begin with `prefix`: nothing, or the family and a dot."""
    name = ours
    for pattern, replacement in NAMES[family]:
        name = re.sub(pattern, replacement, name)
    if HEAD.match(ours) or (ours.startswith("bert.") and not name.startswith("bert.")):
        return name
    return prefix + name.removeprefix("bert.")
