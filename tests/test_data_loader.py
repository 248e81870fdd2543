"""DataLoader, data sets and collate: the right batches, once each, repeatable, resumable, and no thread left behind."""

import json
import threading
import time
import traceback
from itertools import islice

import numpy as np
import pytest

import nanonet as nt
from nanonet.data import ArrayDataset, Augment, Compose, DataLoader, Dataset, Subset, collate
from nanonet.data.loader import WORKER


class Squares(Dataset):
    """Sample i is (i, i²)."""

    def __init__(self, n):
        self.n, self.asked = n, []

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        self.asked.append(index)
        return float(index), index * index


def firsts(batches):
    """The numbers in the batches' first arrays."""
    return [batch[0].numpy().tolist() for batch in batches]


def workers():
    return [t for t in threading.enumerate() if t.name.startswith(WORKER)]


@pytest.fixture
def arrays():
    return np.arange(20, dtype=np.float32).reshape(10, 2), np.arange(10)


def test_batches_hold_all_samples_in_order(arrays):
    x, y = arrays
    batches = list(DataLoader((x, y), batch_size=4))
    assert [b[0].shape for b in batches] == [(4, 2), (4, 2), (2, 2)]
    assert all(isinstance(part, nt.Tensor) for batch in batches for part in batch)
    np.testing.assert_array_equal(np.concatenate([b[0].numpy() for b in batches]), x)
    np.testing.assert_array_equal(np.concatenate([b[1].numpy() for b in batches]), y)
    assert batches[0][0].dtype == np.float32
    assert batches[0][1].dtype == np.int64


def test_length_and_drop_last(arrays):
    assert len(DataLoader(arrays, batch_size=4)) == 3
    assert len(DataLoader(arrays, batch_size=5)) == 2
    loader = DataLoader(arrays, batch_size=4, drop_last=True)
    assert len(loader) == 2
    assert [len(x) for x, _ in loader] == [4, 4]


def test_what_counts_as_a_data_set(arrays):
    x, y = arrays
    assert isinstance(next(iter(DataLoader(x, 3))), nt.Tensor)
    assert isinstance(next(iter(DataLoader(nt.tensor(x), 3))), nt.Tensor)
    (only,) = next(iter(DataLoader(ArrayDataset(x), 3)))
    np.testing.assert_array_equal(only.numpy(), x[:3])
    samples = [(x[i], int(y[i])) for i in range(10)]
    for one, other in zip(DataLoader(samples, 4), DataLoader((x, y), 4), strict=True):
        np.testing.assert_array_equal(one[0].numpy(), other[0].numpy())
        np.testing.assert_array_equal(one[1].numpy(), other[1].numpy())
    floats, squares = next(iter(DataLoader(Squares(5), 3)))
    assert (floats.dtype, squares.dtype) == (np.float32, np.int64)
    assert squares.tolist() == [0, 1, 4]


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_batch_is_a_copy(arrays, shuffle):
    x, y = arrays
    before = x.copy()
    for bx, _ in DataLoader((x, y), 10, shuffle=shuffle, seed=0):
        bx.data[...] = -1
    np.testing.assert_array_equal(x, before)


def test_shuffle_is_a_permutation_new_each_epoch_and_equal_for_the_seed():
    y = np.arange(50)
    loader, same, other = (DataLoader((y,), 8, shuffle=True, seed=s) for s in (3, 3, 4))
    first, second = np.concatenate(firsts(loader)), np.concatenate(firsts(loader))
    assert sorted(first) == sorted(second) == list(range(50))
    assert (first != second).any()
    assert (first != y).any()
    np.testing.assert_array_equal(first, np.concatenate(firsts(same)))
    np.testing.assert_array_equal(second, np.concatenate(firsts(same)))
    assert (np.concatenate(firsts(other)) != first).any()


def test_without_a_seed_manual_seed_decides():
    def order(seed):
        nt.manual_seed(seed)
        return firsts(DataLoader((np.arange(30),), 30, shuffle=True))

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_a_loader_that_does_not_shuffle_leaves_the_default_generator_alone():
    nt.manual_seed(5)
    expected = nt.rand(3).tolist()
    nt.manual_seed(5)
    list(DataLoader((np.arange(4),), 2))
    assert nt.rand(3).tolist() == expected


@pytest.mark.parametrize("prefetch", [0, 2])
def test_two_iterations_at_once_do_not_mix(prefetch):
    def loader():
        return DataLoader((np.arange(12),), 4, shuffle=True, seed=0, prefetch=prefetch)

    apart = loader()
    expected = [firsts(apart), firsts(apart)]
    together = loader()
    pairs = list(zip(together, together, strict=True))
    assert firsts(a for a, _ in pairs) == expected[0]
    assert firsts(b for _, b in pairs) == expected[1]


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize("done", [0, 1, 4, 5, 7])
def test_a_resumed_run_sees_the_batches_that_were_left(done, prefetch):
    def make(seed):
        augment = Compose(Augment(noise=1.0, rotate=20, seed=seed), lambda x: x * 2)
        x = np.random.default_rng(0).random((17, 6, 6))
        return DataLoader((x, np.arange(17)), 4, True, seed, prefetch=prefetch, transform=augment)

    def endless(loader):
        while True:
            yield from loader

    through = [(x.numpy(), y.tolist()) for x, y in islice(endless(make(1)), 15)]
    stopped = make(1)
    states = [stopped.state_dict()]
    for _ in islice(endless(stopped), done):
        states.append(stopped.state_dict())
    resumed = make(2)
    resumed.load_state_dict(json.loads(json.dumps(states[done])))
    rest = [(x.numpy(), y.tolist()) for x, y in islice(endless(resumed), 15 - done)]
    for (x, y), (expected_x, expected_y) in zip(rest, through[done:], strict=True):
        assert y == expected_y
        np.testing.assert_array_equal(x, expected_x)


def test_the_state_after_an_epochs_last_batch_and_after_the_epoch():
    loader = DataLoader((np.arange(6),), 3, shuffle=True, seed=0)
    for _ in loader:
        inside = loader.state_dict()
    assert (inside["epoch"], inside["position"]) == (0, 2)
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (1, 0)
    resumed = DataLoader((np.arange(6),), 3, shuffle=True, seed=9)
    resumed.load_state_dict(inside)
    assert firsts(resumed) == []  # what was left of that epoch
    assert firsts(resumed) == firsts(loader)


def test_a_loop_left_early_counts_as_an_epoch():
    loader, full = (DataLoader((np.arange(9),), 3, shuffle=True, seed=0) for _ in range(2))
    next(iter(loader))
    firsts(full)
    assert firsts(loader) == firsts(full)


def test_the_state_is_the_newest_iterations():
    loader = DataLoader((np.arange(9),), 3, shuffle=True, seed=0)
    old, new = iter(loader), iter(loader)
    next(old)
    next(new)
    next(new)
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (1, 2)
    list(old)
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (1, 2)
    list(new)
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (2, 0)


def test_a_state_of_other_data_is_refused():
    state = DataLoader((np.arange(6),), 3, shuffle=True, seed=0).state_dict()
    with pytest.raises(ValueError, match="saved with samples 6, this loader has 7"):
        DataLoader((np.arange(7),), 3, shuffle=True).load_state_dict(state)
    with pytest.raises(ValueError, match="saved with batch_size 3, this loader has 2"):
        DataLoader((np.arange(6),), 2, shuffle=True).load_state_dict(state)
    with pytest.raises(ValueError, match="position 5 is beyond the 2 batches"):
        DataLoader((np.arange(6),), 3, shuffle=True).load_state_dict({**state, "position": 5})
    with pytest.raises(ValueError, match="lacks seed"):
        DataLoader((np.arange(6),), 3).load_state_dict({k: v for k, v in state.items() if k != "seed"})


@pytest.mark.parametrize("prefetch", [1, 2, 100])
def test_prefetch_gives_the_same_batches(prefetch):
    plain, ahead = (DataLoader(Squares(23), 4, True, 1, prefetch=p) for p in (0, prefetch))
    assert firsts(plain) == firsts(ahead)
    assert plain.dataset.asked == ahead.dataset.asked
    assert not workers()


def test_prefetch_works_while_the_consumer_does_and_not_too_far_ahead():
    data = Squares(40)
    batches = iter(DataLoader(data, 2, prefetch=3))
    next(batches)
    deadline = time.monotonic() + 5
    while len(data.asked) < 8 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert len(data.asked) == 8  # the batch in hand, and three more
    batches.close()


def test_an_error_in_the_thread_surfaces_with_its_traceback():
    class Broken(Squares):
        def __getitem__(self, index):
            if index == 5:
                raise KeyError("sample 5 is broken")
            return super().__getitem__(index)

    seen = []
    with pytest.raises(KeyError, match="sample 5 is broken") as caught:
        for batch in DataLoader(Broken(20), 2, prefetch=2):
            seen.append(batch[0].tolist())
    assert seen == [[0, 1], [2, 3]]
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[-1].line == 'raise KeyError("sample 5 is broken")'
    assert not workers()


def test_the_thread_ends_when_the_consumer_stops_early():
    data = Squares(100)
    for _ in DataLoader(data, 2, prefetch=4):
        break
    assert not workers()
    asked = len(data.asked)
    time.sleep(0.02)
    assert len(data.asked) == asked
    with pytest.raises(RuntimeError, match="consumer"):
        for _ in DataLoader(data, 2, prefetch=4):
            raise RuntimeError("consumer")
    deadline = time.monotonic() + 5
    while workers() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not workers()


def test_no_threads_pile_up():
    loader = DataLoader(Squares(10), 2, prefetch=2)
    for _ in range(50):
        next(iter(loader))
    assert not workers()


def test_collate_fn_and_transform():
    ragged = [np.ones(1), np.ones(3), np.ones(2)]

    def padded(items):
        return {"x": np.stack([np.pad(i, (0, 3 - len(i))) for i in items]), "lengths": [len(i) for i in items]}

    (batch,) = DataLoader(ragged, 3, collate_fn=padded)
    assert isinstance(batch["x"], nt.Tensor)
    assert batch["lengths"] == [1, 3, 2]
    (x, y), *_ = DataLoader((np.ones((4, 2)), np.arange(4)), 4, transform=lambda x: x + 1)
    assert x.tolist() == [[2, 2]] * 4
    assert y.tolist() == [0, 1, 2, 3]
    assert next(iter(DataLoader(np.ones((4, 2)), 4, transform=lambda x: x + 1))).tolist() == [[2, 2]] * 4


def test_collate_goes_into_tuples_and_dicts():
    batch = collate([{"x": np.ones(2), "y": (1, True), "name": "a"}, {"x": np.zeros(2), "y": (2, False), "name": "b"}])
    assert batch["x"].shape == (2, 2)
    assert batch["y"][0].tolist() == [1, 2]
    assert batch["y"][1].dtype == bool
    assert batch["name"] == ["a", "b"]
    assert collate([1.5, 2.5]).dtype == np.float32
    assert collate([np.float64(1.5)]).dtype == np.float64
    assert collate([nt.tensor([1.0]), nt.tensor([2.0])]).tolist() == [[1], [2]]


def test_subset():
    x, y = np.arange(10.0), np.arange(10)
    part = Subset(ArrayDataset(x, y), [7, 2, 2])
    assert len(part) == 3
    assert part[0] == (7.0, 7)
    assert firsts(DataLoader(part, 2)) == [[7, 2], [2]]
    assert firsts(DataLoader(Subset(part, [2, 0]), 2)) == [[2, 7]]
    assert firsts(DataLoader(Subset([(5, 1), (6, 2)], [1]), 1)) == [[6]]
    with pytest.raises(ValueError, match="expected indices from 0 to 9, got 10"):
        Subset(ArrayDataset(x), [1, 10])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DataLoader((np.zeros((0, 3)), np.zeros(0))), "the data set is empty"),
        (lambda: DataLoader([], 2), "the data set is empty"),
        (lambda: DataLoader((np.zeros(3),), 0), "expected batch_size as a whole number of at least 1, got 0"),
        (lambda: DataLoader((np.zeros(3),), 2.0), "expected batch_size"),
        (lambda: DataLoader((np.zeros(3),), True), "expected batch_size"),
        (lambda: DataLoader((np.zeros(3),), prefetch=-1), "expected prefetch as a whole number of at least 0"),
        (lambda: DataLoader((np.zeros(3),), shuffle=True, seed=-1), "expected a seed"),
        (lambda: DataLoader((np.zeros(3),), 4, drop_last=True), "drop_last leaves no batch of 4 from 3 samples"),
        (lambda: DataLoader((np.zeros((4, 2)), np.zeros(3))), r"arrays of one length N, got shapes \(4, 2\), \(3,\)"),
        (lambda: ArrayDataset(), "expected one array or more"),
        (lambda: ArrayDataset(np.float32(1)), "single number"),
        (lambda: list(DataLoader([np.zeros(2), np.zeros(3)], 2)), r"shapes \(2,\) and \(3,\)"),
        (lambda: list(DataLoader([(1, 2), (1,)], 2)), "different numbers of parts"),
    ],
)
def test_mistakes_are_refused(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_things_that_are_not_numbers_are_refused():
    with pytest.raises(TypeError, match="turn labels into class indices"):
        ArrayDataset(np.array(["a", "b"]))
    with pytest.raises(TypeError, match="got object; give a collate_fn"):
        list(DataLoader([object()], 1))
