"""The documents' networks, from the perceptron to GPT and BERT. Each module has one family, with its losses.

A network's sizes are a Config: `nanonet.models.gpt.GPT(GPTConfig(n_layer=4))`. How each is trained on real data is in
`nanonet.recipes`; on the command line, `nanonet train gpt`.
"""

from nanonet.models.config import Config, ConfigError
from nanonet.models.pretrained import load_pretrained, save_pretrained
from nanonet.models.sentences import sentence_embeddings

__all__ = ["Config", "ConfigError", "load_pretrained", "save_pretrained", "sentence_embeddings"]
