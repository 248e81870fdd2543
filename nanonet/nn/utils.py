"""Gradient clipping, by PyTorch's module name."""

from nanonet.optim.gradients import clip_grad_norm_, clip_grad_value_

__all__ = ["clip_grad_norm_", "clip_grad_value_"]
