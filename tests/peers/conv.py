"""Convolutions have PyTorch's names and arguments; PyTorch warns that "same" with an even kernel is slow there."""

import functools
import warnings

import torch


def quietly(function):
    @functools.wraps(function)
    def run(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Using padding='same' with even kernel lengths")
            return function(*args, **kwargs)

    return run


PEERS = {"conv1d": quietly(torch.nn.functional.conv1d), "conv2d": quietly(torch.nn.functional.conv2d)}
