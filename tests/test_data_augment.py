"""Image augmentation: known transforms give known pixels; random ones repeat for their seed."""

import numpy as np
import pytest

from nanonet.data import Augment, Compose, DataLoader, augment


@pytest.fixture
def images():
    return np.random.default_rng(0).random((5, 8, 8)).astype(np.float32)


def channels(images):
    """(N, 3, H, W), three different channels."""
    return np.stack([images, 1 - images, images**2], axis=1)


@pytest.mark.parametrize("quarter", [1, 2, 3, -1])
def test_quarter_turns_are_counter_clockwise(images, quarter):
    turned = augment.rotate(images, 90 * quarter)
    np.testing.assert_allclose(turned, np.rot90(images, quarter, axes=(1, 2)), atol=1e-6)
    assert turned.dtype == images.dtype


def test_no_change_is_no_change(images):
    np.testing.assert_allclose(augment.rotate(images, 0), images, atol=1e-7)
    np.testing.assert_allclose(augment.scale(images, 1), images, atol=1e-7)
    np.testing.assert_array_equal(augment.flip(images, False), images)
    np.testing.assert_array_equal(Augment(seed=0)(images), images)


def test_each_image_can_have_its_own_angle_and_factor(images):
    angles, factors = np.array([0.0, 10, 90, -33, 200]), np.array([1.0, 2, 0.5, 1.3, 0.9])
    together = augment.warp(images, angles, factors)
    for i in range(5):
        np.testing.assert_allclose(together[i], augment.warp(images[i : i + 1], angles[i], factors[i])[0], atol=1e-6)


def test_channels_go_together(images):
    angles = np.array([5.0, 10, 90, -33, 200])
    turned = augment.rotate(channels(images), angles)
    for c in range(3):
        np.testing.assert_allclose(turned[:, c], augment.rotate(channels(images)[:, c], angles), atol=1e-6)
    window = augment.crop(channels(images), [0, 1, 2, 3, 4], 2, 4, 3)
    for i in range(5):
        np.testing.assert_array_equal(window[i], channels(images)[i, :, i : i + 4, 2:5])


def test_scale_makes_the_content_larger():
    square = np.zeros((1, 9, 9))
    square[0, 3:6, 3:6] = 1
    larger, smaller = augment.scale(square, 2.0), augment.scale(square, 0.5)
    assert (larger > 0.5).sum() > (square > 0.5).sum() > (smaller > 0.5).sum()
    plane = np.arange(9.0)[None, None, :] * np.ones((1, 9, 1))  # brightness rises to the right
    np.testing.assert_allclose(augment.scale(plane, 2.0)[0, 4], 4 + (np.arange(9) - 4) / 2, atol=1e-9)


def test_crop_flip_pad(images):
    np.testing.assert_array_equal(augment.crop(images, 1, 2, 5, 4), images[:, 1:6, 2:6])
    np.testing.assert_array_equal(augment.flip(images), images[:, :, ::-1])
    np.testing.assert_array_equal(augment.flip(images, vertical=True), images[:, ::-1])
    some = augment.flip(images, [True, False, True, False, False])
    np.testing.assert_array_equal(some[0], images[0, :, ::-1])
    np.testing.assert_array_equal(some[1], images[1])
    padded = augment.pad(channels(images), 2)
    assert padded.shape == (5, 3, 12, 12)
    np.testing.assert_array_equal(padded[:, :, 2:-2, 2:-2], channels(images))
    assert padded[:, :, :2].sum() == 0


def test_noise_has_the_deviation_asked_for():
    noisy = augment.noise(np.zeros((10, 50, 50), np.float32), 0.3, np.random.default_rng(0))
    assert abs(noisy.std() - 0.3) < 0.01
    assert abs(noisy.mean()) < 0.01
    assert noisy.dtype == np.float32


@pytest.mark.parametrize("shape", [(4, 8, 8), (4, 1, 8, 8), (4, 3, 6, 9), (0, 8, 8)])
def test_augment_keeps_shape_and_dtype_and_leaves_its_input(shape):
    x = np.random.default_rng(1).random(shape).astype(np.float32)
    before = x.copy()
    y = Augment(rotate=15, scale=0.2, crop=2, flip=True, noise=0.1, seed=0)(x)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(x, before)
    assert x.size == 0 or (y != x).any()


def test_draws_stay_in_their_ranges_and_differ_between_images(monkeypatch):
    seen = []
    monkeypatch.setattr(augment, "warp", lambda x, degrees, factor: seen.append((degrees, factor)) or x)
    Augment(rotate=15, scale=0.25, seed=0)(np.zeros((500, 2, 2)))
    Augment(scale=(0.5, 0.6), seed=0)(np.zeros((500, 2, 2)))
    (degrees, factor), (none, low) = seen
    assert -15 <= degrees.min() < -14 < 14 < degrees.max() <= 15
    assert 0.8 <= factor.min() < 0.81 < 1.24 < factor.max() <= 1.25
    assert (none == 0).all()
    assert 0.5 <= low.min() < low.max() <= 0.6


def test_crop_moves_by_up_to_its_padding():
    dot = np.zeros((400, 7, 7))
    dot[:, 3, 3] = 1
    moved = Augment(crop=2, seed=0)(dot)
    rows, columns = np.nonzero(moved)[1:]
    assert len(rows) == 400
    assert set(zip(rows, columns, strict=True)) == {(r, c) for r in range(1, 6) for c in range(1, 6)}


def test_flip_has_its_probability():
    ramp = np.tile(np.arange(4.0), (1000, 4, 1))
    for flip, low, high in ((True, 0.45, 0.55), (0.1, 0.07, 0.13), (False, 0, 0)):
        share = (Augment(flip=flip, seed=3)(ramp)[:, 0, 0] == 3).mean()
        assert low <= share <= high


def test_the_seed_decides(images):
    a, b, c = (Augment(rotate=30, noise=0.1, seed=s) for s in (1, 1, 2))
    first = a(images)
    np.testing.assert_array_equal(first, b(images))
    assert (first != a(images)).any()
    assert (first != c(images)).any()
    np.testing.assert_array_equal(a.at(3, 1)(images), b.at(3, 1)(images))
    assert (a.at(3, 1)(images) != a.at(3, 2)(images)).any()
    assert (a.at(3, 1)(images) != a.at(4, 1)(images)).any()
    given = a(images, np.random.default_rng(5))
    np.testing.assert_array_equal(given, c(images, np.random.default_rng(5)))


@pytest.mark.parametrize("prefetch", [0, 2])
def test_as_the_loaders_transform(images, prefetch):
    chain = Compose(lambda x: x * 2, Augment(noise=0.5, seed=1))
    loader = DataLoader((images, np.arange(5)), 2, transform=chain, prefetch=prefetch)
    one, two = [np.concatenate([x.numpy() for x, _ in loader]) for _ in range(2)]
    assert (one != two).any()
    other = DataLoader((images, np.arange(5)), 2, transform=Augment(noise=0.5, seed=1))
    np.testing.assert_allclose(one - images * 2, np.concatenate([x.numpy() for x, _ in other]) - images, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda x: augment.rotate(x[0], 5), ValueError, r"expected images \(N, H, W\) or \(N, C, H, W\)"),
        (lambda x: augment.rotate(x, [1, 2]), ValueError, r"one for each of 5 images, got shape \(2,\)"),
        (lambda x: augment.rotate((x * 255).astype(np.uint8), 5), TypeError, "expected floating images, got uint8"),
        (lambda x: augment.scale(x, 0), ValueError, "expected a positive factor"),
        (lambda x: augment.crop(x, 5, 0, 4, 4), ValueError, "leaves the image of 8×8"),
        (lambda x: augment.crop(x, -1, 0, 4, 4), ValueError, "leaves the image"),
        (lambda x: Augment(rotate=-1), ValueError, "expected rotate ≥ 0"),
        (lambda x: Augment(scale=-0.5), ValueError, "expected scale"),
        (lambda x: Augment(scale=(1.2, 0.8)), ValueError, "expected scale"),
        (lambda x: Augment(flip=2), ValueError, "expected flip as a probability"),
        (lambda x: Augment(noise=float("nan")), ValueError, "expected noise ≥ 0"),
    ],
)
def test_mistakes_are_refused(images, make, error, message):
    with pytest.raises(error, match=message):
        make(images)
