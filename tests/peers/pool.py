"""Pooling has PyTorch's names and arguments; PyTorch's avg_pool1d takes only positional ones, as ours gives them."""

PEERS = {}
