"""A recurrent network learns to write, character by character, with truncated backpropagation through time (D3)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim
from nanonet.data import DataLoader
from nanonet.data.corpus import Corpus, read_corpus
from nanonet.data.streams import Streams
from nanonet.data.tokenizer import CharTokenizer
from nanonet.models.recurrent import CharRnn, CharRnnConfig, State
from nanonet.optim import clip_grad_norm_
from nanonet.recipes import recipe
from nanonet.recipes.ngrams import bigram_bits, unigram_bits


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The character RNN's.

    text        python: the sources of Python's library; licences; or a folder of text files
    limit       characters that are read, at most
    window      steps that the gradient goes back; the state goes on from window to window
    clip        the largest norm of a gradient; longer ones are shortened to it; 0: none is
    """

    text: str = "python"
    limit: int = 4_000_000
    network: CharRnnConfig = field(default_factory=CharRnnConfig)
    steps: int = 1000
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
        return {str(i): part.numpy() for i, part in enumerate(self.state)}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        shapes = {str(i): part.shape for i, part in enumerate(self.state)}
        if shapes != {name: value.shape for name, value in saved.items()}:
            raise ValueError(f"the carried state: expected {shapes}")
        self.state = tuple(nt.tensor(saved[str(i)], device=part.device) for i, part in enumerate(self.state))


class CharRnnRecipe(recipe.Recipe):
    name = "charrnn"
    summary = "LSTM that writes character by character, with truncated backpropagation through time (D3)"
    Settings = Settings

    def prepare(self) -> None:
        settings = self.settings
        train, validation, test = read_corpus(settings.text, limit=settings.limit).split(0.05, 0.05)
        self.tokenizer = CharTokenizer.train((text.text for text in train.documents), at_least=10)
        self.train, self.held, self.tested = (self._tokens(part) for part in (train, validation, test))
        self.loader = DataLoader(Streams(self.train, settings.batch_size, settings.window), settings.batch_size)
        model = CharRnn(settings.network, self.tokenizer.vocab_size)
        optimizer = optim.Adam(model.parameters(), lr=settings.lr)
        self.parts = {
            "model": model,
            "optimizer": optimizer,
            "schedule": optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps),
            "carried": Carried(model.first_state(settings.batch_size)),
        }

    def _tokens(self, part: Corpus) -> np.ndarray:
        """The documents one after the other, with the token that ends a text between them."""
        texts = [self.tokenizer.encode(document.text) for document in part.documents]
        return np.concatenate([np.append(text, self.tokenizer.end) for text in texts])

    def step(self, batch: Any) -> dict[str, float]:
        x, y, carry = batch
        carried = self.parts["carried"]
        self.parts["optimizer"].zero_grad()
        logits, carried.state = self.model(x, carried.resumed(carry))
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))
        loss.backward()
        norm = clip_grad_norm_(self.model.parameters(), self.settings.clip or float("inf"))
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item(), "norm": norm.item()}

    def evaluate(self) -> dict[str, float]:
        return {"bits": self.bits(self.held[:60_000])}

    def test(self) -> dict[str, float]:
        """Bits per character on the test files, and those of three networks' poor relations."""
        vocabulary = self.tokenizer.vocab_size
        return {
            "bits": self.bits(self.tested),
            "uniform_bits": math.log2(vocabulary),
            "unigram_bits": unigram_bits(self.train, self.tested, vocabulary),
            "bigram_bits": bigram_bits(self.train, self.tested, vocabulary),
        }

    def bits(self, tokens: np.ndarray, streams: int = 16, window: int = 256) -> float:
        """The mean of -log₂ P(character), the state handed on through each of the streams."""
        streams = min(streams, max(1, (len(tokens) - 1) // window))
        data = Streams(tokens, streams, min(window, len(tokens) - 1))
        state, total = None, 0.0
        for x, y, _ in DataLoader(data, streams):
            logits, state = self.model(x, state)
            total += F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1)).item()
        return total / data.windows / math.log(2)

    def extras(self) -> dict[str, str]:
        return {"tokenizer.json": self.tokenizer.to_json()}

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Write on from each text; without one, from the beginning of a file."""
        rng = np.random.default_generator(how.seed)
        with self.judging():
            texts = [self.write_on(text, how, rng) for text in inputs or ("",) for _ in range(how.count)]
        return recipe.Shown(tuple(texts))

    def write_on(self, text: str, how: recipe.Use, rng: np.random.Generator) -> str:
        """The text and what follows: one character drawn after the other, until a file's end or `how.length`."""
        tokens, state, written = np.append(self.tokenizer.end, self.tokenizer.encode(text)), None, []
        for _ in range(how.length):
            logits, state = self.model(nt.tensor(tokens[None]), state)
            token = choose(logits.numpy()[0, -1], how, rng)
            if token == self.tokenizer.end:
                break
            written.append(token)
            tokens = np.array([token])
        return text + self.tokenizer.decode(written)
