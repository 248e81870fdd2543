"""GPT on text: Python sources, licences, any folder; from the beginning, or going on from a trained one (D3, D4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

import nanonet as nt
from nanonet import optim, random
from nanonet.data import DataLoader
from nanonet.data.corpus import read_corpus
from nanonet.data.tokenizer import Tokenizer, tokenizer_from_json, train_tokenizer
from nanonet.data.windows import stream, windows
from nanonet.models.gpt import GPT, GPTConfig, Reader, decayed, next_token_loss
from nanonet.optim.lr_scheduler import LambdaLR
from nanonet.recipes import gpt_pictures, recipe
from nanonet.recipes.continued import continued
from nanonet.recipes.gpt_folder import read_gpt_folder
from nanonet.recipes.text_figures import baselines, bits_per_character, sampled_bits
from nanonet.training.history import History

TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The GPT's.

    data            python, licences, or a folder or file of text
    limit           characters to read at most, a sample of whole files
    tokenizer       char or bpe (which learns vocab_size tokens)
    init_from       a folder to go on from, of a run of this recipe or of GPT-2 (Hugging Face); its tokenizer and sizes
                    are then taken
    warmup          steps in which the learning rate rises; then it falls along a cosine
    last_lr         the share of the learning rate that is left at the end
    weight_decay    of matrices and embeddings
    clip            largest norm of the gradient
    """

    data: str = "python"
    limit: int = 20_000_000
    tokenizer: Literal["char", "bpe"] = "char"
    init_from: str | None = None
    network: GPTConfig = field(
        default_factory=lambda: GPTConfig(vocab_size=1024, n_positions=128, n_embd=128, n_layer=4, n_head=4)
    )
    steps: int = 3500
    batch_size: int = 16
    lr: float = 3e-3
    warmup: int = 100
    last_lr: float = 0.05
    weight_decay: float = 0.1
    clip: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("limit", self.limit >= 1, "at least 1")
        self.expect("warmup", self.warmup >= 0, "at least 0")
        self.expect("last_lr", 0 <= self.last_lr <= 1, "a share from 0 to 1")
        self.expect("weight_decay", 0 <= self.weight_decay < float("inf"), "at least 0")
        self.expect("clip", self.clip > 0, "above 0")


class GptRecipe(recipe.Recipe):
    name = "gpt"
    summary = "GPT-2 in small: continues Python sources, licences, any text (D3, D4)"
    Settings = Settings
    every = 250
    tokenizer: Tokenizer

    def prepare(self) -> None:
        settings = self.settings
        corpus = read_corpus(settings.data, limit=settings.limit)
        train, validation, self.held_out = corpus.split(0.05, 0.05)
        self.train_texts = [document.text for document in train.documents]
        if settings.init_from:
            model, self.tokenizer = read_gpt_folder(settings.init_from)
        else:
            rare = train.characters // 1_000_000  # what is rarer than one in a million cannot be learned
            self.tokenizer = train_tokenizer(settings.tokenizer, self.train_texts, settings.network.vocab_size, rare)
            model = GPT(settings.network.replace(vocab_size=self.tokenizer.vocab_size))
        self.settings = settings.replace(tokenizer=self.tokenizer.kind, **model.config.to_dict())
        self.tokens = stream(self.train_texts, self.tokenizer)
        self.validation = [document.text for document in validation.documents]
        self.title = f"GPT on {corpus.source} ({corpus.characters:,} characters in {len(corpus)} files)"
        self.loader = DataLoader(self._starts(), settings.batch_size, shuffle=True, drop_last=True, seed=settings.seed)
        self._set_up(model)

    def _starts(self) -> np.ndarray:
        """Where windows begin that do not overlap, each at most T - 1 tokens further in a step (see draw)."""
        length = self.settings.network.n_positions
        starts = np.arange(0, len(self.tokens) - 2 * length, length)
        if len(starts) < self.settings.batch_size:
            raise ValueError(
                f"gpt: {self.settings.data} has {len(self.tokens):,} tokens to train on, too few for "
                f"{self.settings.batch_size} windows of {length}; give more text, or smaller batch_size or n_positions"
            )
        return starts

    def _set_up(self, model: GPT) -> None:
        model.train()
        settings = self.settings
        matrices, others = decayed(model)
        optimizer = optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.lr,
            betas=(0.9, 0.99),
        )
        schedule = LambdaLR(optimizer, lambda done: warmup_cosine(done, settings.warmup, self.steps, settings.last_lr))
        self.parts = {"model": model, "optimizer": optimizer, "schedule": schedule}

    @classmethod
    def restore(cls, settings: recipe.Settings, extras: Mapping[str, str]) -> GptRecipe:
        """Without the corpus: the tokenizer is in the extras, the sizes are in the settings."""
        made = cls.__new__(cls)
        made.settings, made.dtype, made.device = settings, np.dtype(np.float32), nt.zeros(1).device
        made.tokenizer = tokenizer_from_json(extras[TOKENIZER])
        made._set_up(GPT(made.settings.network))
        return made

    def draw(self, batch: Any) -> tuple[Any, Any]:
        """Windows from the starts on, all moved by one number of tokens: over the epochs, each place is a beginning."""
        starts = self.read(batch) + random.default_generator().integers(self.settings.network.n_positions)
        return self.cast(windows(self.tokens, starts, self.settings.network.n_positions))

    def step(self, batch: Any) -> dict[str, float]:
        x, y = batch
        self.parts["optimizer"].zero_grad()
        loss = next_token_loss(self.model(x), y)
        loss.backward()
        optim.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item()}

    def evaluate(self) -> dict[str, float]:
        """On windows of the validation files."""
        return {"bits_per_character": sampled_bits(self.model, self.tokenizer, self.validation)}

    def test(self) -> dict[str, float]:
        """Bits per character of all held-out files, and what counting and compressing reach on them."""
        texts = [document.text for document in self.held_out.documents]
        bits = bits_per_character(self.model, self.tokenizer, texts)
        return {"bits_per_character": bits, **baselines(self.train_texts, texts, self.tokenizer)}

    def pictures(self, history: History) -> dict[str, bytes]:
        return gpt_pictures.draw(self, history)

    def extras(self) -> dict[str, str]:
        return {TOKENIZER: self.tokenizer.to_json()}

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Each text as the beginning of a file, gone on with: `count` times, or the best `count` of a beam search."""
        lines = []
        for number, text in enumerate(inputs or ("",)):
            found = continued(Reader(self.model), self.tokenizer, text, how, seed=how.seed + number)
            lines += [text + more for more in found]
        return recipe.Shown(tuple(lines))


def warmup_cosine(done: int, warmup: int, steps: int, last: float) -> float:
    """The factor of the learning rate after `done` steps: from 1/warmup up to 1, then along half a cosine to `last`."""
    if done < warmup:
        return (done + 1) / warmup
    progress = min((done - warmup) / max(steps - warmup, 1), 1.0)
    return last + (1 - last) * 0.5 * (1 + math.cos(math.pi * progress))
