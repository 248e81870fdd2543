"""A recurrent network learns to write, character by character, with truncated backpropagation through time (D3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nanonet as nt
from nanonet import optim
from nanonet.data import DataLoader
from nanonet.data.corpus import read_corpus
from nanonet.data.streams import Streams
from nanonet.data.tokenizer import CharTokenizer, Tokenizer, tokenizer_from_json
from nanonet.data.windows import stream
from nanonet.device import on_host
from nanonet.models.recurrent import CharRnn, CharRnnConfig, Reader, State, next_character_loss
from nanonet.optim import clip_grad_norm_
from nanonet.recipes import recipe
from nanonet.recipes.charrnn_figures import baselines, bits_per_character, picture
from nanonet.recipes.continued import continued
from nanonet.training.history import History

TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The character RNN's.

    data        python: the sources of Python's library; licences; or a folder or file of text
    limit       characters to read at most, a sample of whole files
    window      steps that the gradient goes back; the state goes on from window to window
    clip        the largest norm of a gradient; longer ones are shortened to it; 0: none is
    """

    data: str = "python"
    limit: int = 4_000_000
    network: CharRnnConfig = field(default_factory=lambda: CharRnnConfig(hidden=192))
    steps: int = 800
    batch_size: int = 32
    window: int = 64
    lr: float = 4e-3
    clip: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("limit", self.limit >= 1000, "at least 1000")
        self.expect("window", self.window >= 1, "at least 1")
        self.expect("clip", 0 <= self.clip < float("inf"), "a number of at least 0")


class Carried:
    """The state that goes from window to window: a part of the training that a checkpoint must keep."""

    def __init__(self, state: State) -> None:
        self.state = state

    def resumed(self, carry: Any) -> State:
        """The state without its past: no gradient goes back beyond the window, and nothing where carry (N,) is 0."""
        return tuple(part.detach() * carry.reshape(1, -1, 1) for part in self.state)

    def state_dict(self) -> dict[str, np.ndarray]:
        return {str(i): on_host(part.array) for i, part in enumerate(self.state)}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        shapes = {str(i): part.shape for i, part in enumerate(self.state)}
        if shapes != {name: value.shape for name, value in saved.items()}:
            raise ValueError(f"the carried state: expected {shapes}")
        self.state = tuple(nt.tensor(saved[str(i)], device=part.device) for i, part in enumerate(self.state))


class CharRnnRecipe(recipe.Recipe):
    name = "charrnn"
    summary = "LSTM that writes character by character, with truncated backpropagation through time (D3)"
    Settings = Settings

    every = 250
    tokenizer: Tokenizer

    def prepare(self) -> None:
        settings = self.settings
        corpus = read_corpus(settings.data, limit=settings.limit)
        self.texts, self.held, self.tested = (
            [document.text for document in part.documents] for part in corpus.split(0.05, 0.05)
        )
        rare = corpus.characters // 1_000_000  # what is rarer than one in a million cannot be learned
        self.tokenizer = CharTokenizer.train(self.texts, at_least=max(1, rare))
        self.title = f"{settings.network.cell} on {corpus.source} ({corpus.characters:,} characters)"
        streams = Streams(stream(self.texts, self.tokenizer), settings.batch_size, settings.window)
        self.loader = DataLoader(streams, settings.batch_size)
        model = CharRnn(settings.network, self.tokenizer.vocab_size)
        optimizer = optim.Adam(model.parameters(), lr=settings.lr)
        self.parts = {
            "model": model,
            "optimizer": optimizer,
            "schedule": optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps),
            "carried": Carried(model.first_state(settings.batch_size)),
        }

    @classmethod
    def restore(cls, settings: Any, extras: Mapping[str, str]) -> CharRnnRecipe:
        """Without the texts: the characters are in the extras."""
        made = cls.__new__(cls)
        made.settings, made.dtype, made.device = settings, np.dtype(np.float32), nt.zeros(1).device
        made.tokenizer = tokenizer_from_json(extras[TOKENIZER])
        made.parts = {"model": CharRnn(settings.network, made.tokenizer.vocab_size)}
        return made

    def step(self, batch: Any) -> dict[str, float]:
        x, y, carry = batch
        carried = self.parts["carried"]
        self.parts["optimizer"].zero_grad()
        logits, carried.state = self.model(x, carried.resumed(carry))
        loss = next_character_loss(logits, y)
        loss.backward()
        norm = clip_grad_norm_(self.model.parameters(), self.settings.clip or float("inf"))
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item(), "norm": norm.item()}

    def evaluate(self) -> dict[str, float]:
        """On the beginnings of the validation files: some 40,000 characters."""
        share = 40_000 // len(self.held) + 1
        texts = [text[:share] for text in self.held]
        return {"bits_per_character": bits_per_character(self.model, self.tokenizer, texts)}

    def test(self) -> dict[str, float]:
        """Bits per character of the test files, and what counting characters and pairs of them reaches there."""
        bits = bits_per_character(self.model, self.tokenizer, self.tested)
        return {"bits_per_character": bits, **baselines(self.texts, self.tested, self.tokenizer)}

    def pictures(self, history: History) -> dict[str, bytes]:
        if not history:
            return {}
        return {"bits.png": picture(history, baselines(self.texts, self.held, self.tokenizer))}

    def extras(self) -> dict[str, str]:
        return {TOKENIZER: self.tokenizer.to_json()}

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Each text as the beginning of a file, gone on with: `count` times, or the best `count` of a beam search."""
        lines: list[str] = []
        for number, text in enumerate(inputs or ("",)):
            found = continued(Reader(self.model), self.tokenizer, text, how, seed=how.seed + number)
            lines += [text + more for more in found]
        return recipe.Shown(tuple(lines))
