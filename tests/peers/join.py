"""PyTorch's names for joining and splitting arrays."""

import torch

PEERS = {
    "concatenate": lambda arrays, axis=0: torch.cat(arrays, axis),
}
