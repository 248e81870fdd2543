"""Which CUDA kernel computes which rule, family by family. A rule without one runs as it is written, on `xp`."""

from __future__ import annotations

from typing import Any

from nanonet.backends.cuda.rules import elementwise, lookup, loss, normalization, random, reduction, softmax, update

_families = (elementwise, softmax, loss, normalization, lookup)
kernels: dict[Any, Any] = {rule: kernel for family in _families for rule, kernel in family.kernels.items()}
kernels |= reduction.kernels | update.kernels | random.kernels
