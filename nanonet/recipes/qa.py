"""Extractive question answering (D3): the stretch of a library's documentation that answers a question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import nanonet as nt
from nanonet import optim
from nanonet.data.docquestions import Question, questions, split
from nanonet.data.lengths import LengthLoader
from nanonet.data.wordpiece import train_wordpiece
from nanonet.models import answers
from nanonet.models.bert_config import BertConfig
from nanonet.models.bert_heads import BertForQuestionAnswering, span_loss
from nanonet.models.bert_tokenizer import BertTokenizer, the_library
from nanonet.models.pooling import cut_layers
from nanonet.models.pretrained import load_pretrained
from nanonet.models.sentences import minilm_folder
from nanonet.recipes import recipe
from nanonet.training.history import History

TOKENIZER, NETWORK = "tokenizer.json", "network.json"


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """Question answering's.

    body          minilm; scratch, a new network of the sizes below; or a folder of a pretrained BERT
    layers        how many of the pretrained network's layers are kept, from below
    embeddings    train the pretrained network's embeddings too
    length        tokens of question and passage together that are read
    vocab         tokens at most of a new network
    limit         read only so many questions; 0: all
    warmup        share of the steps in which the learning rate rises; then it falls to 0
    weight_decay  AdamW's
    """

    body: str = "minilm"
    layers: int = 2
    embeddings: bool = False
    length: int = 128
    vocab: int = 6000
    limit: int = 0
    steps: int = 160
    batch_size: int = 8
    lr: float = 3e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    network: BertConfig = field(
        default_factory=lambda: BertConfig(
            hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512,
            max_position_embeddings=128,
        )
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("layers", self.layers >= 1, "at least 1")
        self.expect("length", self.length >= 16, "at least 16")
        self.expect("limit", self.limit == 0 or self.limit >= 50, "0 or at least 50")
        self.expect("warmup", 0 <= self.warmup < 1, "a share from 0 to below 1")


class QaRecipe(recipe.Recipe):
    name = "qa"
    summary = "BERT finds answers in the documentation of Python libraries (D3)"
    Settings = Settings
    every = 100

    def prepare(self) -> None:
        settings = self.settings
        rest, self.tested = all_questions(settings.limit)
        self.trained, self.validated = split(rest, 0.1, begin=0.2)
        model, self.tokenizer = self.network()
        self.encodings = self.encode(self.trained)
        places = [answers.locate(e, q.begin, q.end) for e, q in zip(self.encodings, self.trained, strict=True)]
        rows = np.array([row for row, place in enumerate(places) if place is not None])
        self.places = np.array([place or (0, 0) for place in places])
        lengths = [len(self.encodings[row].ids) for row in rows]
        self.loader = LengthLoader(rows, lengths, settings.batch_size, seed=settings.seed)
        learned = [p for p in model.parameters() if p.requires_grad]
        optimizer = optim.AdamW(learned, lr=settings.lr, weight_decay=settings.weight_decay)
        schedule = optim.lr_scheduler.LambdaLR(optimizer, self.rate)
        self.parts = {"model": model, "optimizer": optimizer, "schedule": schedule}

    def network(self) -> tuple[BertForQuestionAnswering, BertTokenizer]:
        settings = self.settings
        if settings.body == "scratch":
            texts = [text for one in self.trained for text in (one.question, one.passage)]
            tokenizer = BertTokenizer(train_wordpiece(texts, settings.vocab))
            return BertForQuestionAnswering(settings.network.replace(vocab_size=len(tokenizer))), tokenizer
        bert, tokenizer = load_pretrained(minilm_folder() if settings.body == "minilm" else Path(settings.body))
        bert = cut_layers(bert, settings.layers)
        model = BertForQuestionAnswering(bert.config.replace(**self.dropout))
        model.bert.load_state_dict({k: v for k, v in bert.state_dict().items() if not k.startswith("pooler.")})
        model.bert.embeddings.requires_grad_(settings.embeddings)
        return model, tokenizer

    @property
    def dropout(self) -> dict[str, float]:
        names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
        return {name: getattr(self.settings.network, name) for name in names}

    def rate(self, step: int) -> float:
        """Up in a straight line, then down to 0 (D3's schedule of RoBERTa)."""
        rise = self.settings.warmup * self.steps
        return (step + 1) / (rise + 1) if step < rise else (self.steps - step) / (self.steps - rise)

    def encode(self, some: Sequence[Question]) -> list[Any]:
        asked, passages = [one.question for one in some], [one.passage for one in some]
        return self.tokenizer.encodings(asked, passages, max_length=self.settings.length, cut="only_second")

    def draw(self, batch: Any) -> Any:
        rows = batch.numpy()
        inputs = self.tokenizer.batch([self.encodings[row] for row in rows])
        return self.cast((*inputs, self.places[rows, 0], self.places[rows, 1]))

    def step(self, batch: Any) -> dict[str, float]:
        ids, mask, kinds, first, last = batch
        self.parts["optimizer"].zero_grad()
        start, end = self.model(ids, mask, kinds)
        loss = span_loss(start, end, first, last)
        loss.backward()
        optim.clip_grad_norm_(self.model.parameters(), 1.0)
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item()}

    def answer(self, asked: Sequence[Question]) -> list[str]:
        """The likeliest stretch of each passage."""
        encodings, found = self.encode(asked), [""] * len(asked)
        order = np.argsort([len(one.ids) for one in encodings], kind="stable")
        for rows in np.array_split(order, range(32, len(order), 32)):
            for row, start, end in zip(rows, *self.logits([encodings[row] for row in rows]), strict=True):
                one = encodings[row]
                T = len(one.ids)
                span = answers.best_span(start[:T], end[:T], answers.passage_tokens(one))
                found[row] = answers.span_text(one, asked[row].passage, *span)
        return found

    def logits(self, encodings: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        start, end = self.model(*self.cast(tuple(self.tokenizer.batch(encodings))))
        return self.read(start), self.read(end)

    def judge(self, asked: Sequence[Question]) -> dict[str, float]:
        pairs = [(found, one.answer) for found, one in zip(self.answer(asked), asked, strict=True)]
        return {
            "exact_match": float(np.mean([answers.exact_match(*pair) for pair in pairs])),
            "f1": float(np.mean([answers.f1(*pair) for pair in pairs])),
        }

    def evaluate(self) -> dict[str, float]:
        return self.judge(self.validated[:128])

    def test(self) -> dict[str, float]:
        """On all held-out questions; and on the same ones without the name of what is asked for, as a floor."""
        found = self.judge(self.tested)
        unnamed = self.judge([one.unnamed() for one in self.tested])
        p, n = found["exact_match"], len(self.tested)
        error = (p * (1 - p) / n) ** 0.5
        return {**found, "standard_error": error, "unnamed_exact_match": unnamed["exact_match"], "questions": float(n)}

    def pictures(self, history: History) -> dict[str, bytes]:
        from nanonet.recipes.qa_pictures import where_the_answer_is

        one = next((q for q in self.tested if q.kind == "meaning" and len(q.passage.split()) < 35), self.tested[0])
        (encoding,) = self.encode([one])
        with self.judging():
            start, end = self.logits([encoding])
        return {"qa.png": where_the_answer_is(encoding, start[0], end[0], one.question)}

    def extras(self) -> dict[str, str]:
        return {TOKENIZER: self.tokenizer.to_json(), NETWORK: json.dumps(self.model.config.to_dict(), indent=1) + "\n"}

    @classmethod
    def restore(cls, settings: recipe.Settings, extras: Mapping[str, str]) -> QaRecipe:
        """Without the documentation, and without the network that training began with."""
        made = cls.__new__(cls)
        made.settings, made.dtype, made.device = settings, np.dtype(np.float32), nt.zeros(1).device
        made.tokenizer = BertTokenizer(the_library().Tokenizer.from_str(extras[TOKENIZER]))
        made.parts = {"model": BertForQuestionAnswering(BertConfig.from_dict(json.loads(extras[NETWORK])))}
        return made

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Each input is a question and a passage, with | between them."""
        if any(text.count("|") < 1 for text in inputs):
            raise ValueError('qa: expected "question | passage", got an input without |')
        pairs = [text.split("|", 1) for text in inputs]
        asked = [Question("", question.strip(), passage.strip(), 0, 0, "") for question, passage in pairs]
        with self.judging():
            return recipe.Shown(tuple(self.answer(asked)))


@cache
def all_questions(limit: int) -> tuple[list[Question], list[Question]]:
    """Those to train on (and to look at while training), and those to test on."""
    found = questions(limit=limit)
    return split(found)
