"""Image augmentation: rotate, scale, crop, flip, noise.

Images are floating arrays (N, H, W) or (N, C, H, W). Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from nanonet.data.seeds import generator, seed_of


def rotate(images: np.ndarray, degrees: Any) -> np.ndarray:
    """Each image turned about its centre, counter-clockwise. degrees: one angle, or one for each image (N,)."""
    return warp(images, degrees=degrees)


def scale(images: np.ndarray, factor: Any) -> np.ndarray:
    """Each image's content made larger (factor > 1) or smaller about its centre; the size H×W stays."""
    return warp(images, factor=factor)


def warp(images: np.ndarray, degrees: Any = 0.0, factor: Any = 1.0, fill: float = 0.0) -> np.ndarray:
    """Rotation and scaling in one bilinear sampling, so that images are blurred once; outside them is `fill`.

    Pixel p of the result is the image at R⁻¹(p - c)/factor + c, with c the centre. Raises ValueError for factors
    that are not positive.
    """
    from scipy.ndimage import map_coordinates

    n, height, width = check_images("warp", images)
    if images.dtype.kind != "f":
        raise TypeError(f"warp: expected floating images, got {images.dtype}; for bytes use images / 255")
    angle = np.deg2rad(_one_each("degrees", degrees, n))
    factor = _one_each("factor", factor, n)
    if not (factor > 0).all():
        raise ValueError(f"warp: expected a positive factor, got {factor.min()}")
    cy, cx = (height - 1) / 2, (width - 1) / 2
    y, x = np.arange(height)[:, None] - cy, np.arange(width)[None, :] - cx  # (H, 1), (1, W)
    cos, sin = (np.cos(angle) / factor)[:, None, None], (np.sin(angle) / factor)[:, None, None]  # (N, 1, 1)
    from_y, from_x = cos * y + sin * x + cy, cos * x - sin * y + cx  # (N, H, W); rows count downwards
    planes = images.reshape(-1, height, width)  # (N·C, H, W)
    channels = len(planes) // n if n else 1
    coordinates = np.empty((3, *planes.shape))
    coordinates[0] = np.arange(len(planes))[:, None, None]
    coordinates[1], coordinates[2] = np.repeat(from_y, channels, 0), np.repeat(from_x, channels, 0)
    sampled = map_coordinates(planes, coordinates, order=1, mode="grid-constant", cval=fill, prefilter=False)
    return sampled.reshape(images.shape)


def crop(images: np.ndarray, top: Any, left: Any, height: int, width: int) -> np.ndarray:
    """The window of height × width whose upper left corner is at row `top`, column `left`: for all or each (N,)."""
    n, full_height, full_width = check_images("crop", images)
    top, left = _one_each("top", top, n).astype(int), _one_each("left", left, n).astype(int)
    inside = (top >= 0) & (left >= 0) & (top + height <= full_height) & (left + width <= full_width)
    if height < 1 or width < 1 or not inside.all():
        raise ValueError(
            f"crop: a window of {height}×{width} at the given corner leaves the image of {full_height}×{full_width}; "
            "pad first"
        )
    rows = (top[:, None] + np.arange(height))[:, :, None]  # (N, h, 1)
    columns = (left[:, None] + np.arange(width))[:, None, :]  # (N, 1, w)
    if images.ndim == 3:
        return images[np.arange(n)[:, None, None], rows, columns]
    channels = np.arange(images.shape[1])[None, :, None, None]
    return images[np.arange(n)[:, None, None, None], channels, rows[:, None], columns[:, None]]


def pad(images: np.ndarray, width: int, fill: float = 0.0) -> np.ndarray:
    """A border of `width` pixels of value `fill` on every side."""
    check_images("pad", images)
    sides = [(0, 0)] * (images.ndim - 2) + [(width, width)] * 2
    return np.pad(images, sides, constant_values=fill)


def flip(images: np.ndarray, which: Any = True, vertical: bool = False) -> np.ndarray:
    """The images mirrored left to right, or, with `vertical`, top to bottom. which: booleans, for all or each (N,)."""
    n, _, _ = check_images("flip", images)
    which = np.broadcast_to(np.asarray(which, bool), n).reshape(n, *[1] * (images.ndim - 1))
    return np.where(which, np.flip(images, -2 if vertical else -1), images)


def noise(images: np.ndarray, std: float, rng: np.random.Generator) -> np.ndarray:
    """Normal noise of standard deviation `std` added to every pixel; the result is not clipped."""
    check_images("noise", images)
    return images + (std * rng.standard_normal(images.shape)).astype(images.dtype)


class Augment:
    """Random changes, new ones for each image and call; a DataLoader takes it as `transform`.

    rotate   turned by an angle drawn from [-rotate, rotate] degrees
    scale    scaled by a factor drawn from [1/(1 + scale), 1 + scale], its logarithm evenly; or from a pair (low, high)
    crop     padded by `crop` black pixels, then cut back to its size at a random place
    flip     mirrored left to right with probability 1/2 (True) or with this probability
    noise    normal noise of this standard deviation added to every pixel
    seed     the same seed, the same changes; None draws one from the default generator

    In this order: flip, rotation and scaling in one sampling, crop, noise. What is 0 is left out. In a DataLoader
    the changes depend on the seed, the epoch and the batch only, so they repeat when a run is resumed.
    """

    def __init__(
        self,
        rotate: float = 0.0,
        scale: float | tuple[float, float] = 0.0,
        crop: int = 0,
        flip: bool | float = False,
        noise: float = 0.0,
        seed: int | None = None,
    ):
        low, high = scale if isinstance(scale, tuple) else (1 / (1 + scale), 1 + scale) if scale >= 0 else (-1, -1)
        if not 0 < low <= high:
            raise ValueError(f"Augment: expected scale ≥ 0 or 0 < low ≤ high, got {scale!r}")
        self.scale = (float(low), float(high))
        self.flip = 0.5 if flip is True else float(flip)
        if not 0 <= self.flip <= 1:
            raise ValueError(f"Augment: expected flip as a probability from 0 to 1, got {flip!r}")
        for name, value in (("rotate", rotate), ("crop", crop), ("noise", noise)):
            if not value >= 0:
                raise ValueError(f"Augment: expected {name} ≥ 0, got {value!r}")
        self.rotate, self.crop, self.noise = float(rotate), int(crop), float(noise)
        self.seed = seed_of("Augment", seed)
        self.generator = generator(self.seed)

    def __call__(self, images: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """The images changed, with draws from `rng`, or else from the generator that `seed` started."""
        rng = rng or self.generator
        n, height, width = check_images("Augment", images)
        if self.flip:
            images = flip(images, rng.random(n) < self.flip)
        if self.rotate or self.scale != (1.0, 1.0):
            factor = np.exp(rng.uniform(np.log(self.scale[0]), np.log(self.scale[1]), n))
            images = warp(images, rng.uniform(-self.rotate, self.rotate, n), factor)
        if self.crop:
            top, left = rng.integers(0, 2 * self.crop + 1, (2, n))
            images = crop(pad(images, self.crop), top, left, height, width)
        return noise(images, self.noise, rng) if self.noise else images

    def at(self, epoch: int, batch: int) -> Callable[[np.ndarray], np.ndarray]:
        """The function for one batch of one epoch."""
        return partial(self, rng=generator(self.seed, epoch, batch))

    def state_dict(self) -> dict[str, Any]:
        return {"seed": self.seed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seed = seed_of("Augment", state["seed"])
        self.generator = generator(self.seed)


class Compose:
    """Several transforms, one after the other."""

    def __init__(self, *transforms: Callable[[Any], Any]):
        self.transforms = transforms

    def __call__(self, images: Any) -> Any:
        for transform in self.transforms:
            images = transform(images)
        return images

    def at(self, epoch: int, batch: int) -> Compose:
        """The transforms for one batch of one epoch."""
        return Compose(*[t.at(epoch, batch) if hasattr(t, "at") else t for t in self.transforms])  # type: ignore[attr-defined]

    def state_dict(self) -> dict[str, Any]:
        return {str(i): t.state_dict() for i, t in enumerate(self.transforms) if hasattr(t, "state_dict")}  # type: ignore[attr-defined]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for i, value in state.items():
            self.transforms[int(i)].load_state_dict(value)  # type: ignore[attr-defined]


def check_images(owner: str, images: np.ndarray) -> tuple[int, int, int]:
    """N, H, W of images (N, H, W) or (N, C, H, W)."""
    shape = np.shape(images)
    if len(shape) not in (3, 4):
        raise ValueError(
            f"{owner}: expected images (N, H, W) or (N, C, H, W), got shape {shape}; use x.reshape(-1, 1, H, W)"
        )
    return shape[0], shape[-2], shape[-1]


def _one_each(name: str, value: Any, n: int) -> np.ndarray:
    value = np.asarray(value, float)
    if value.shape not in ((), (n,)):
        raise ValueError(f"{name}: expected one number, or one for each of {n} images, got shape {value.shape}")
    return np.broadcast_to(value, n)
