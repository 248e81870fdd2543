"""The parts of BERT: embeddings, attention, the layers, the pooler. Parameters have Hugging Face's names."""

from __future__ import annotations

from nanonet import functional as F
from nanonet.models.bert_config import ACTIVATIONS, BertConfig
from nanonet.nn import Dropout, Embedding, LayerNorm, Linear, Module, ModuleList, init
from nanonet.tensor import Tensor
from nanonet.variable import no_grad


class BertEmbeddings(Module):
    """x = LayerNorm(word[id] + position[t] + type[kind]):  ids (N, T) -> (N, T, embedding size)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        width = config.embedding_size or config.hidden_size
        counted = config.pad_token_id if config.family == "roberta" else None
        self.word_embeddings = Embedding(config.vocab_size, width, padding_idx=config.pad_token_id)
        self.position_embeddings = Embedding(config.max_position_embeddings, width, padding_idx=counted)
        self.token_type_embeddings = Embedding(config.type_vocab_size, width)
        self.LayerNorm = LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        kinds = self.token_type_embeddings
        x = self.word_embeddings(input_ids)
        x = x + (kinds.weight[0] if token_type_ids is None else kinds(token_type_ids))
        return self.dropout(self.LayerNorm(x + self._positions(input_ids)))

    def _positions(self, input_ids: Tensor) -> Tensor:
        if self.config.family != "roberta":
            return self.position_embeddings.weight[: input_ids.shape[1]]
        real = F.not_equal(input_ids, self.config.pad_token_id).astype("int64")
        return self.position_embeddings(F.cumsum(real, axis=1) * real + self.config.pad_token_id)


class BertSelfAttention(Module):
    """softmax(Q Kᵀ / √d) V in heads side by side:  x (N, T, D) -> (N, T, D).

    Source: Vaswani et al. 2017, section 3.2.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        D = config.hidden_size
        self.heads, self.dropout_prob = config.num_attention_heads, config.attention_probs_dropout_prob
        self.query, self.key, self.value = Linear(D, D), Linear(D, D), Linear(D, D)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        q, k, v = self._split(self.query(x)), self._split(self.key(x)), self._split(self.value(x))
        y = F.scaled_dot_product_attention(q, k, v, mask, self.dropout_prob if self.training else 0.0)
        return F.reshape(F.swapaxes(y, 1, 2), x.shape)

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """softmax(Q Kᵀ / √d), (N, heads, T, T): how much each token (row) looks at each (column)."""
        q, k = self._split(self.query(x)), self._split(self.key(x))
        scores = F.matmul(q, F.swapaxes(k, -1, -2)) * q.shape[-1] ** -0.5
        return F.softmax(scores if mask is None else F.where(mask, scores, -float("inf")), dim=-1)

    def _split(self, x: Tensor) -> Tensor:
        """(N, T, D) -> (N, heads, T, D / heads)."""
        N, T, D = x.shape
        return F.swapaxes(F.reshape(x, (N, T, self.heads, D // self.heads)), 1, 2)


class BertOutputLayer(Module):
    """y = LayerNorm(x + W h + b): back to the width of the stream `x`, and onto it."""

    def __init__(self, inputs: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = Linear(inputs, config.hidden_size)
        self.LayerNorm = LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(self, h: Tensor, x: Tensor) -> Tensor:
        return self.LayerNorm(x + self.dropout(self.dense(h)))


class BertAttention(Module):
    """y = LayerNorm(x + W attention(x) + b)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self = BertSelfAttention(config)
        self.output = BertOutputLayer(config.hidden_size, config)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.output(self.self(x, mask), x)


class BertIntermediate(Module):
    """h = g(W x + b), wider than x."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = Linear(config.hidden_size, config.intermediate_size)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.dense(x))


class BertLayer(Module):
    """Attention, then two layers for each token by itself; each is added to its input, and the sum normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = BertAttention(config)
        self.intermediate = BertIntermediate(config)
        self.output = BertOutputLayer(config.intermediate_size, config)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.attention(x, mask)
        return self.output(self.intermediate(x), x)


class BertEncoder(Module):
    """The layers, one after the other; ALBERT has one set of weights for all of them."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        shared = config.family == "albert"
        if shared:  # from the narrow table of embeddings to the width of the layers
            self.embedding_hidden_mapping_in = Linear(config.embedding_size or config.hidden_size, config.hidden_size)
        self.layer = ModuleList([BertLayer(config) for _ in range(1 if shared else config.num_hidden_layers)])
        self.order = [0 if shared else i for i in range(config.num_hidden_layers)]
        self.shared = shared

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, ...]:
        states = [self.embedding_hidden_mapping_in(x) if self.shared else x]
        for i in self.order:
            states.append(self.layer[i](states[-1], mask))
        return tuple(states)


class BertPooler(Module):
    """tanh(W x₀ + b) of the first token, [CLS]:  (N, T, D) -> (N, D)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return F.tanh(self.dense(x[:, 0]))


def initialise(module: Module, config: BertConfig) -> None:
    """New weights as BERT begins: N(0, initializer_range²), biases 0, and 0 for the padding's row."""

    def begin(part: Module) -> None:
        if isinstance(part, Linear | Embedding):
            init.normal_(part.weight, std=config.initializer_range)
        if isinstance(part, Linear) and part.bias is not None:
            init.zeros_(part.bias)
        if isinstance(part, Embedding) and part.padding_idx is not None:
            with no_grad():
                part.weight[part.padding_idx] = 0

    module.apply(begin)
