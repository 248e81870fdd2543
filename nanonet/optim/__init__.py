"""Optimizers and learning-rate schedules, with PyTorch's names, arguments and defaults."""

from nanonet.optim import lr_scheduler
from nanonet.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from nanonet.optim.gradients import clip_grad_norm_, clip_grad_value_, l1_penalty, l2_penalty
from nanonet.optim.optimizer import Optimizer
from nanonet.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "clip_grad_norm_",
    "clip_grad_value_",
    "l1_penalty",
    "l2_penalty",
    "lr_scheduler",
]
