"""PyTorch's counterparts of the elementwise functions whose names or arguments differ."""

import torch


def tensors(function):
    """PyTorch's function for two operands that takes no numbers, made to take them."""
    return lambda a, b: function(torch.as_tensor(a), torch.as_tensor(b))


PEERS = {
    "neg": torch.neg,
    "power": torch.pow,
    "equal": torch.eq,
    "not_equal": torch.ne,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "maximum": tensors(torch.maximum),
    "minimum": tensors(torch.minimum),
    "hypot": tensors(torch.hypot),
    "arctan2": tensors(torch.arctan2),
    "logaddexp": tensors(torch.logaddexp),
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "logical_and": tensors(torch.logical_and),
    "logical_or": tensors(torch.logical_or),
}
