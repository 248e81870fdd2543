"""The recipes' twins, written with PyTorch's own layers and optimizers; one module for each family."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanonet_benchmarks.models.twin import Twin

PLACES = {
    "mlp": "mlp:MlpTwin",
    "tabular": "mlp:MlpTwin",
    "mlp784": "mlp:MlpTwin",
    "line": "mlp:MlpTwin",
    "cnn": "cnn:CnnTwin",
    "charcnn": "charcnn:CharCnnTwin",
    "vae": "vae:VaeTwin",
    "gan": "gan:GanTwin",
    "rnn": "rnn:RnnTwin",
    "charrnn": "charrnn:CharRnnTwin",
    "transformer": "transformer:TransformerTwin",
    "gpt": "gpt:GptTwin",
    "bert": "bert:BertTwin",
    "sentiment": "sentiment:SentimentTwin",
    "qa": "qa:QaTwin",
    "minilm": "minilm:MinilmTwin",
}


def find(name: str) -> type[Twin]:
    """The twin of the recipe of this name."""
    module, _, cls = PLACES[name].partition(":")
    return getattr(importlib.import_module(f"nanonet_benchmarks.models.twins.{module}"), cls)
