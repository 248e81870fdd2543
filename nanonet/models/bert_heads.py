"""What BERT is trained and used for: a head for each task on the same encoder (D3)."""

from __future__ import annotations

from nanonet import functional as F
from nanonet.models.bert import BertModel
from nanonet.models.bert_config import ACTIVATIONS, BertConfig
from nanonet.models.bert_layers import initialise
from nanonet.nn import Dropout, LayerNorm, Linear, Module, init
from nanonet.nn.parameter import new_parameter
from nanonet.tensor import Tensor


class BertTransform(Module):
    """LayerNorm(g(W x + b)), before a token is guessed."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width = config.embedding_size or config.hidden_size
        self.dense = Linear(config.hidden_size, width)
        self.LayerNorm = LayerNorm(width, eps=config.layer_norm_eps)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        return self.LayerNorm(self.activation(self.dense(x)))


class BertPredictions(Module):
    """Logits of every token, E h + b: E is the table of the word embeddings itself (tied weights)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.transform = BertTransform(config)
        self.bias = new_parameter(config.vocab_size)
        init.zeros_(self.bias)

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        return F.linear(self.transform(x), words, self.bias)


class BertMaskedHead(Module):
    """`predictions` alone."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.predictions = BertPredictions(config)


class BertPretrainingHeads(BertMaskedHead):
    """`predictions`, and for next-sentence prediction `seq_relationship`, a linear layer of 2 classes on [CLS]."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.seq_relationship = Linear(config.hidden_size, 2)


class BertForMaskedLM(Module):
    """Guesses tokens:  ids (N, T) -> logits (N, T, vocab_size), or (M, vocab_size) at M places.

    `at` (M,) are places in the flattened batch, n·T + t: in training only the masked tokens, about one in seven, are
    guessed, and the widest product of the network becomes that much smaller.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = BertModel(config, pooler=False)
        self.cls = BertMaskedHead(config)
        initialise(self.cls, config)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        at: Tensor | None = None,
    ) -> Tensor:
        x = self.bert(input_ids, attention_mask, token_type_ids).last_hidden_state
        return self.cls.predictions(chosen(x, at), self.bert.embeddings.word_embeddings.weight)


class BertForPreTraining(Module):
    """BERT's two tasks at once:  ids (N, T) -> (logits of the tokens, logits (N, 2) of the second text's origin).

    Class 0 says that the second text follows the first, class 1 that it comes from elsewhere. `at` as in
    BertForMaskedLM. Source: Devlin et al. 2019, section 3.1.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = BertModel(config)
        self.cls = BertPretrainingHeads(config)
        initialise(self.cls, config)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        at: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        out = self.bert(input_ids, attention_mask, token_type_ids)
        tokens = self.cls.predictions(chosen(out.last_hidden_state, at), self.bert.embeddings.word_embeddings.weight)
        return tokens, self.cls.seq_relationship(out.pooler_output)


class BertForSequenceClassification(Module):
    """Classes of whole texts, from the pooled [CLS]:  ids (N, T) -> logits (N, num_labels)."""

    def __init__(self, config: BertConfig, num_labels: int = 2) -> None:
        super().__init__()
        self.config = config
        self.bert = BertModel(config)
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.classifier = Linear(config.hidden_size, num_labels)
        initialise(self.classifier, config)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return self.classifier(self.dropout(self.bert(input_ids, attention_mask, token_type_ids).pooler_output))


class BertForQuestionAnswering(Module):
    """Where in the text the answer begins and ends:  ids (N, T) -> logits (N, T) of the start and of the end.

    A text is [CLS] question [SEP] passage [SEP]. Source: Devlin et al. 2019, section 4.2.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = BertModel(config, pooler=False)
        self.qa_outputs = Linear(config.hidden_size, 2)
        initialise(self.qa_outputs, config)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        y = self.qa_outputs(self.bert(input_ids, attention_mask, token_type_ids).last_hidden_state)  # (N, T, 2)
        return y[:, :, 0], y[:, :, 1]


def chosen(x: Tensor, at: Tensor | None) -> Tensor:
    """x (N, T, D) itself, or its rows at `at` of the flattened batch, (M, D)."""
    return x if at is None else F.embedding(at, F.reshape(x, (-1, x.shape[-1])))


def span_loss(start: Tensor, end: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """½ (CE(start, first) + CE(end, last)):  logits (N, T) of both ends, and the tokens (N,) where they are."""
    return (F.cross_entropy(start, first) + F.cross_entropy(end, last)) * 0.5
