"""Normalisations: mean 0 and variance 1 over the batch, the features, or groups of channels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from nanonet import functional as F
from nanonet.nn import init
from nanonet.nn.module import Module
from nanonet.nn.parameter import new_buffer, new_parameter
from nanonet.tensor import Tensor


def _reset(norm: Any) -> None:
    """Weight 1, bias 0, where there are such."""
    if norm.weight is not None:
        init.ones_(norm.weight)
    if norm.bias is not None:
        init.zeros_(norm.bias)


class _ChannelNorm(Module):
    """Per channel: weight and bias (num_features), running statistics, as BatchNorm and InstanceNorm have them."""

    axes: ClassVar[tuple[int, ...]]

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: str | None,
        dtype: Any,
        bias: bool,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, present in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, new_parameter(num_features, dtype=dtype, device=device) if present else None)
        for name, fill in (("running_mean", 0), ("running_var", 1)):
            buffer = new_buffer(fill, num_features, dtype=dtype, device=device) if track_running_stats else None
            self.register_buffer(name, buffer)
        self.register_buffer("num_batches_tracked", new_buffer(0, dtype=np.int64) if track_running_stats else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget what was seen: mean 0, variance 1."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no statistics."""
        self.reset_running_stats()
        _reset(self)

    def _check(self, input: Tensor) -> None:
        if input.ndim not in self.axes:
            expected = " or ".join(str(n) for n in self.axes)
            raise ValueError(f"{type(self).__name__}: expected x of {expected} axes, got shape {input.shape}")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: str | None = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        momentum = self.momentum or 0.0
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.array[...] += 1  # where it lies: on a GPU nobody waits for the count
            self.num_batches_tracked.written()
            if self.momentum is None:
                momentum = 1 / self.num_batches_tracked.item()
        of_batch = self.training or (self.running_mean is None and self.running_var is None)
        mean, var = (self.running_mean, self.running_var) if not of_batch or self.track_running_stats else (None, None)
        return F.batch_norm(input, mean, var, self.weight, self.bias, of_batch, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    """y = (x - mean) / √(var + eps) · weight + bias per channel: x (N, C) or (N, C, L).

    In training, mean and (biased) variance are those of the batch, and running_mean and running_var move towards them
    (the latter towards the unbiased variance) by `momentum`; None averages over all batches. In evaluation the running
    ones are used, unless `track_running_stats=False`. Source: Ioffe and Szegedy 2015.
    """

    axes = (2, 3)


class BatchNorm2d(_BatchNorm):
    """BatchNorm1d for images: x (N, C, H, W), statistics over N, H and W."""

    axes = (4,)


class InstanceNorm2d(_ChannelNorm):
    """y = (x - mean) / √(var + eps) · weight + bias, mean and variance of each sample and channel.

    x (N, C, H, W) or (C, H, W). Weight and bias only with `affine=True`. Source: Ulyanov et al. 2016.
    """

    axes = (3, 4)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: str | None = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        of_input = self.training or not self.track_running_stats
        x = input if input.ndim == 4 else F.expand_dims(input, 0)
        momentum = self.momentum or 0.0
        y = F.instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, of_input, momentum, self.eps
        )
        return y if input.ndim == 4 else F.squeeze(y, 0)


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


class LayerNorm(Module):
    """y = (x - mean) / √(var + eps) ⊙ weight + bias, mean and variance over the last axes, of `normalized_shape`.

    Source: Ba et al. 2016.
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        for name, present in (("weight", elementwise_affine), ("bias", elementwise_affine and bias)):
            made = new_parameter(*self.normalized_shape, dtype=dtype, device=device) if present else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        _reset(self)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        text = f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        return f"{text}, bias={self.bias is not None}"


class RMSNorm(Module):
    """y = x / √(mean(x²) + eps) ⊙ weight over the last axes; `eps=None` takes the dtype's machine epsilon.

    Source: Zhang and Sennrich 2019.
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        made = new_parameter(*self.normalized_shape, dtype=dtype, device=device) if elementwise_affine else None
        self.register_parameter("weight", made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """y = (x - mean) / √(var + eps) · weight + bias, mean and variance of each sample and group of channels.

    x (N, C, …), C = num_channels divisible by num_groups; weight and bias (C). Source: Wu and He 2018.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: str | None = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: expected num_groups that divides num_channels={num_channels}, got {num_groups}"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        for name, present in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, new_parameter(num_channels, dtype=dtype, device=device) if present else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        _reset(self)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        text = f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"
        return f"{text}, bias={self.bias is not None}"
