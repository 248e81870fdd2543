"""The documents' networks, from the perceptron to GPT and BERT. Each module has one family, with its losses.

A network's sizes are a Config: `nanonet.models.gpt.GPT(GPTConfig(n_layer=4))`. How each is trained on real data is in
`nanonet.recipes`; on the command line, `nanonet train gpt`.
"""

from nanonet.models.config import Config, ConfigError

__all__ = ["Config", "ConfigError"]
