"""BERT, RoBERTa and ALBERT in PyTorch, with both of BERT's tasks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin

ACTIVATIONS = {
    "gelu": nn.GELU(),
    "gelu_new": nn.GELU(approximate="tanh"),
    "gelu_pytorch_tanh": nn.GELU(approximate="tanh"),
    "relu": nn.ReLU(),
    "silu": nn.SiLU(),
    "swish": nn.SiLU(),
    "tanh": nn.Tanh(),
}


class Embeddings(nn.Module):
    def __init__(self, c: Any) -> None:
        super().__init__()
        width = c.embedding_size or c.hidden_size
        self.roberta, self.pad = c.family == "roberta", c.pad_token_id
        self.word_embeddings = nn.Embedding(c.vocab_size, width, padding_idx=c.pad_token_id)
        self.position_embeddings = nn.Embedding(
            c.max_position_embeddings, width, padding_idx=c.pad_token_id if self.roberta else None
        )
        self.token_type_embeddings = nn.Embedding(c.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=c.layer_norm_eps)
        self.dropout = nn.Dropout(c.hidden_dropout_prob)

    def forward(self, ids: Tensor, kinds: Tensor) -> Tensor:
        if self.roberta:  # counted from the first token, after the padding's own position
            real = (ids != self.pad).long()
            positions = real.cumsum(1) * real + self.pad
        else:
            positions = torch.arange(ids.shape[1])[None]
        x = self.word_embeddings(ids) + self.token_type_embeddings(kinds) + self.position_embeddings(positions)
        return self.dropout(self.LayerNorm(x))


class SelfAttention(nn.Module):
    def __init__(self, c: Any) -> None:
        super().__init__()
        self.heads, self.p = c.num_attention_heads, c.attention_probs_dropout_prob
        self.query = nn.Linear(c.hidden_size, c.hidden_size)
        self.key = nn.Linear(c.hidden_size, c.hidden_size)
        self.value = nn.Linear(c.hidden_size, c.hidden_size)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (f(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for f in (self.query, self.key, self.value))
        y = F.scaled_dot_product_attention(q, k, v, mask, self.p if self.training else 0.0)
        return y.transpose(1, 2).flatten(2)


class Output(nn.Module):
    def __init__(self, inputs: int, c: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, c.hidden_size)
        self.LayerNorm = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)
        self.dropout = nn.Dropout(c.hidden_dropout_prob)

    def forward(self, h: Tensor, x: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(h)) + x)


class Attention(nn.Module):
    def __init__(self, c: Any) -> None:
        super().__init__()
        self.self = SelfAttention(c)
        self.output = Output(c.hidden_size, c)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.output(self.self(x, mask), x)


class Intermediate(nn.Module):
    def __init__(self, c: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(c.hidden_size, c.intermediate_size)
        self.activation = ACTIVATIONS[c.hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.dense(x))


class Layer(nn.Module):
    def __init__(self, c: Any) -> None:
        super().__init__()
        self.attention = Attention(c)
        self.intermediate = Intermediate(c)
        self.output = Output(c.intermediate_size, c)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.attention(x, mask)
        return self.output(self.intermediate(x), x)


class Encoder(nn.Module):
    def __init__(self, c: Any) -> None:
        super().__init__()
        self.albert, self.depth = c.family == "albert", c.num_hidden_layers
        if self.albert:
            self.embedding_hidden_mapping_in = nn.Linear(c.embedding_size or c.hidden_size, c.hidden_size)
        self.layer = nn.ModuleList([Layer(c) for _ in range(1 if self.albert else self.depth)])

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if self.albert:
            x = self.embedding_hidden_mapping_in(x)
        for number in range(self.depth):
            x = self.layer[0 if self.albert else number](x, mask)
        return x


class Pooler(nn.Module):
    def __init__(self, c: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(c.hidden_size, c.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.dense(x[:, 0]))


class Bert(nn.Module):
    """ids, mask, kinds (N, T) -> (N, T, D), and the pooled first token (N, D) or None."""

    def __init__(self, c: Any, pooler: bool) -> None:
        super().__init__()
        self.embeddings = Embeddings(c)
        self.encoder = Encoder(c)
        self.pooler = Pooler(c) if pooler else None

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor | None]:
        x = self.encoder(self.embeddings(ids, kinds), mask.bool()[:, None, None, :])
        return x, None if self.pooler is None else self.pooler(x)


class Transform(nn.Module):
    def __init__(self, c: Any) -> None:
        super().__init__()
        width = c.embedding_size or c.hidden_size
        self.dense = nn.Linear(c.hidden_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=c.layer_norm_eps)
        self.activation = ACTIVATIONS[c.hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        return self.LayerNorm(self.activation(self.dense(x)))


class Predictions(nn.Module):
    def __init__(self, c: Any) -> None:
        super().__init__()
        self.transform = Transform(c)
        self.bias = nn.Parameter(torch.zeros(c.vocab_size))

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        return self.transform(x) @ words.T + self.bias


class Heads(nn.Module):
    """The masked tokens' head, and for pairs of texts the second task's."""

    def __init__(self, c: Any, pairs: bool) -> None:
        super().__init__()
        self.predictions = Predictions(c)
        if pairs:
            self.seq_relationship = nn.Linear(c.hidden_size, 2)


class Pretraining(nn.Module):
    def __init__(self, c: Any) -> None:
        super().__init__()
        self.pairs = c.family != "roberta"
        self.bert = Bert(c, pooler=self.pairs)
        self.cls = Heads(c, self.pairs)

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor, at: Tensor) -> tuple[Tensor, Tensor | None]:
        x, pooled = self.bert(ids, mask, kinds)
        tokens = self.cls.predictions(x.flatten(0, 1)[at], self.bert.embeddings.word_embeddings.weight)
        return tokens, None if pooled is None else self.cls.seq_relationship(pooled)


class BertTwin(Twin):
    def build(self, recipe: Recipe) -> dict[str, nn.Module]:
        self.steps = recipe.steps
        return {"model": Pretraining(recipe.model.config)}

    def set_up(self) -> None:
        s = self.settings
        self.optimizer = torch.optim.AdamW(self.modules["model"].parameters(), lr=s.lr, weight_decay=s.weight_decay)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self.rate)

    def rate(self, step: int) -> float:
        """Up in a straight line, then down to 0."""
        rise = self.settings.warmup * self.steps
        return step / rise if step < rise else max(0.0, (self.steps - step) / (self.steps - rise))

    def step(self, batch: Any) -> dict[str, float]:
        model = self.modules["model"]
        self.optimizer.zero_grad()
        tokens, relation = model(batch["ids"], batch["mask"], batch["kinds"], batch["at"])
        figures = {"masked_loss": F.cross_entropy(tokens, batch["targets"])}
        if relation is not None:
            figures["pair_loss"] = F.cross_entropy(relation, batch["labels"])
        loss = torch.stack(list(figures.values())).sum()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), self.settings.clip)
        self.optimizer.step()
        self.schedule.step()
        return {"loss": loss.item()} | {name: value.item() for name, value in figures.items()}
