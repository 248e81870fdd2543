"""How a text goes on, by a language model that was trained here."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.data.tokenizer import Tokenizer
from nanonet.models.generate import beam_search, sample
from nanonet.recipes.recipe import Use


def continued(reader: Any, tokenizer: Tokenizer, text: str, how: Use, seed: int) -> list[str]:
    """What follows the text, `how.count` times, without the text itself: drawn, or searched for with `how.beams`.

    reader  the model with what it remembers of the text, as `generate.sample` takes it
    """
    end = tokenizer.end
    ids = np.array([end, *tokenizer.encode(text)])
    if how.beams > 1:
        found = [beam.ids for beam in beam_search(reader, ids, how.length, beams=how.beams, stop=end)][: how.count]
    else:
        found = sample(
            reader,
            np.tile(ids, (how.count, 1)),
            how.length,
            temperature=how.temperature,
            top_k=how.top_k,
            top_p=how.top_p,
            stop=end,
            seed=seed,
        )
    return [tokenizer.decode(row[len(ids) :]) for row in found]
