"""BERT, and with it RoBERTa and ALBERT: the Transformer's encoder, whose every token sees every other one (D3, D4)."""

from __future__ import annotations

from typing import NamedTuple

from nanonet.models.bert_config import BertConfig
from nanonet.models.bert_layers import BertEmbeddings, BertEncoder, BertPooler, initialise
from nanonet.nn import Module
from nanonet.tensor import Tensor

__all__ = ["BertConfig", "BertModel", "BertOutput"]


class BertOutput(NamedTuple):
    """What the network says.

    last_hidden_state   (N, T, hidden_size)
    pooler_output       (N, hidden_size), or None without a pooler
    hidden_states       the embeddings, then each layer's output: num_hidden_layers + 1 of (N, T, hidden_size)
    """

    last_hidden_state: Tensor
    pooler_output: Tensor | None
    hidden_states: tuple[Tensor, ...]


class BertModel(Module):
    """The encoder without a head:  ids (N, T) -> BertOutput.

    input_ids       (N, T) tokens, each text filled up with pad_token_id
    attention_mask  (N, T), 1 for a token and 0 for padding, which nobody looks at; None: there is no padding
    token_type_ids  (N, T), 0 in the first text of a pair and 1 in the second; None: 0

    Raises ValueError for texts longer than the network has positions. Sources: Devlin et al. 2019 (BERT), Liu et al.
    2019 (RoBERTa), Lan et al. 2020 (ALBERT). Parameters have Hugging Face's names.
    """

    def __init__(self, config: BertConfig, pooler: bool = True) -> None:
        super().__init__()
        self.config = config
        self.embeddings = BertEmbeddings(config)
        self.encoder = BertEncoder(config)
        self.pooler = BertPooler(config) if pooler else None
        initialise(self, config)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> BertOutput:
        self._refuse(input_ids, attention_mask)
        mask = None if attention_mask is None else attention_mask.astype("bool")[:, None, None, :]  # (N, 1, 1, T)
        states = self.encoder(self.embeddings(input_ids, token_type_ids), mask)
        return BertOutput(states[-1], None if self.pooler is None else self.pooler(states[-1]), states)

    def _refuse(self, input_ids: Tensor, attention_mask: Tensor | None) -> None:
        if input_ids.ndim != 2:
            raise ValueError(f"bert: expected input_ids (N, T), got shape {input_ids.shape}")
        if input_ids.shape[1] > self.config.longest:
            raise ValueError(
                f"bert: expected at most {self.config.longest} tokens (max_position_embeddings="
                f"{self.config.max_position_embeddings}), got {input_ids.shape[1]}; truncate the texts"
            )
        if attention_mask is not None and attention_mask.shape != input_ids.shape:
            raise ValueError(f"bert: expected attention_mask {input_ids.shape}, got {attention_mask.shape}")
