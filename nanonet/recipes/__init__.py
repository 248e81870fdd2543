"""How each of the documents' networks is trained on real data: `nanonet train NAME`.

A recipe has the data, the network, the step of training as the textbook writes it (zero the gradients, loss, backward,
step), and the figures by which it is judged. `nanonet.training.Loop` repeats the step.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from nanonet.recipes.recipe import Recipe, Settings, Shown, Use

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Recipe", "Settings", "Shown", "Use", "find", "names"]

PLACES = {  # name on the command line -> module : class, imported when it is used
    "mlp": "mlp:MlpRecipe",
    "tabular": "programs:TabularRecipe",
    "mlp784": "programs:Mlp784Recipe",
    "line": "programs:LineRecipe",
    "cnn": "cnn:CnnRecipe",
    "charcnn": "charcnn:CharCnnRecipe",
    "vae": "vae:VaeRecipe",
    "gan": "gan:GanRecipe",
    "rnn": "rnn:RnnRecipe",
    "charrnn": "charrnn:CharRnnRecipe",
    "transformer": "transformer:TransformerRecipe",
    "gpt": "gpt:GptRecipe",
    "bert": "bert:BertRecipe",
    "sentiment": "sentiment:SentimentRecipe",
    "qa": "qa:QaRecipe",
    "minilm": "minilm:MinilmRecipe",
}


def names() -> Iterable[str]:
    """The recipes' names, in the documents' order."""
    return PLACES


def find(name: str) -> type[Recipe]:
    """The recipe of this name. Raises ValueError for any other."""
    if name not in PLACES:
        raise ValueError(f"there is no recipe {name!r}; there are {', '.join(PLACES)}")
    module, _, cls = PLACES[name].partition(":")
    return getattr(importlib.import_module(f"nanonet.recipes.{module}"), cls)
