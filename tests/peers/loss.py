"""PyTorch's losses, whose reduction comes after two arguments of former times."""

import torch.nn.functional as F


def in_our_order(function, *names):
    """The arguments after the target, by name."""
    return lambda x, t, *more, **attrs: function(x, t, **dict(zip(names, more, strict=False)), **attrs)


PEERS = {
    "mse_loss": in_our_order(F.mse_loss, "reduction", "weight"),
    "l1_loss": in_our_order(F.l1_loss, "reduction", "weight"),
    "binary_cross_entropy": in_our_order(F.binary_cross_entropy, "weight", "reduction"),
    "binary_cross_entropy_with_logits": in_our_order(
        F.binary_cross_entropy_with_logits, "weight", "reduction", "pos_weight"
    ),
    "cosine_embedding_loss": lambda a, b, t, margin=0.0, reduction="mean": F.cosine_embedding_loss(
        a, b, t, margin, reduction=reduction
    ),
}
