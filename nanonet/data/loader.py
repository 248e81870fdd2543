"""DataLoader: a data set in batches of Tensors, in an order that can be repeated and resumed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.data.dataset import ArrayDataset, Dataset, collate, to_tensors
from nanonet.data.seeds import generator, seed_of
from nanonet.data.transfer import transferred
from nanonet.device import backend_on, on_host
from nanonet.tensor import Tensor

WORKER = "nanonet-prefetch"


@dataclass
class Place:
    """How far an iteration has come: `position` batches of `epoch` were handed out."""

    epoch: int = 0
    position: int = 0
    entered: bool = False


class DataLoader:
    """Batches of Tensors.

    dataset     a Dataset or anything with a length and items; a tuple of arrays (N, …), whose batches are tuples; or
                one array, whose batches are Tensors. (A list is taken as a list of samples.)
    batch_size  samples in a batch; the last batch may have fewer, unless `drop_last` leaves it out
    shuffle     a new order in each epoch, which `seed` and the epoch's number decide; without a seed, one is drawn
                from the default generator, so that `nt.manual_seed` decides
    collate_fn  makes a batch from a list of samples; arrays in what it returns become Tensors
    prefetch    how many batches a thread prepares ahead; 0: none
    transform   called with each batch's first array (the inputs), before it becomes a Tensor. If it has a method
                `at(epoch, batch)`, that gives the function for this one batch, as random transforms need it to repeat

    device      "cuda": the batches lie on the GPU, copied there through pinned memory one batch ahead

    Each `iter()` starts the next epoch. Iterations are independent of each other, also when they run at once.
    `state_dict()` and `load_state_dict()` make a stopped run go on with the same batches.

    Raises ValueError for an empty data set, a batch size below 1 and arrays of different lengths. What the data set
    raises in the prefetching thread is raised again where the batch is asked for.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        seed: int | None = None,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        prefetch: int = 0,
        transform: Callable[[Any], Any] | None = None,
        device: str | None = None,
    ):
        self.dataset = ArrayDataset(*dataset) if type(dataset) is tuple else dataset
        self.batch_size = _count("batch_size", batch_size, 1)
        self.prefetch = _count("prefetch", prefetch, 0)
        self.shuffle, self.drop_last = shuffle, drop_last
        self.collate_fn, self.transform = collate_fn, transform
        self.device = None if device is None else backend_on(device).device
        if not len(self.dataset):
            raise ValueError("DataLoader: the data set is empty")
        if not len(self):
            raise ValueError(
                f"DataLoader: drop_last leaves no batch of {batch_size} from {len(self.dataset)} samples; "
                "use a smaller batch_size"
            )
        self.seed = seed_of("DataLoader", seed) if shuffle or seed is not None else None
        self._place = Place()

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)

    def __iter__(self) -> Iterator[Any]:
        before = self._place
        place = Place(before.epoch + 1) if before.entered else before
        place.entered = True
        self._place = place
        return self._batches(place)

    def state_dict(self) -> dict[str, Any]:
        """Where the newest iteration stands, in plain Python values (JSON can hold them).

        Taken inside the loop it counts the batch being worked on as done; after the loop it is the next epoch's start.
        """
        state: dict[str, Any] = {"epoch": self._place.epoch, "position": self._place.position, **self._identity()}
        state["seed"] = self.seed
        if hasattr(self.transform, "state_dict"):
            state["transform"] = self.transform.state_dict()  # type: ignore[union-attr]
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration go on from `state`. Raises ValueError if that comes from other data or batch sizes."""
        missing = {"epoch", "position", "seed", *self._identity()} - state.keys()
        if missing:
            raise ValueError(
                f"DataLoader: the state lacks {', '.join(sorted(missing))}; expected what state_dict() gave"
            )
        for key, here in self._identity().items():
            if state[key] != here:
                raise ValueError(f"DataLoader: the state was saved with {key} {state[key]}, this loader has {here}")
        epoch, position = _count("epoch", state["epoch"], 0), _count("position", state["position"], 0)
        if position > len(self):
            raise ValueError(
                f"DataLoader: the state's position {position} is beyond the {len(self)} batches of an epoch"
            )
        self.seed = None if state["seed"] is None else seed_of("DataLoader", state["seed"])
        self._place = Place(epoch, position)
        if "transform" in state and hasattr(self.transform, "load_state_dict"):
            self.transform.load_state_dict(state["transform"])  # type: ignore[union-attr]

    def _identity(self) -> dict[str, Any]:
        """What must be equal for a position to mean the same batches."""
        return {
            "samples": len(self.dataset),
            "batch_size": self.batch_size,
            "shuffle": bool(self.shuffle),
            "drop_last": bool(self.drop_last),
        }

    def _batches(self, place: Place) -> Iterator[Any]:
        size, epoch = self.batch_size, place.epoch
        order = self._order(epoch)

        def make(number: int) -> Any:
            return self._make(order[number * size : (number + 1) * size], epoch, number)

        numbers = range(place.position, len(self))
        batches = prefetched(make, numbers, self.prefetch) if self.prefetch else map(make, numbers)
        for batch in batches if self.device in (None, "cpu") else transferred(batches, self.device):
            place.position += 1
            yield batch
        if self._place is place:
            self._place = Place(epoch + 1)

    def _order(self, epoch: int) -> np.ndarray:
        """The samples' numbers (N,) in the order of this epoch."""
        n = len(self.dataset)
        return generator(self.seed, epoch).permutation(n) if self.seed is not None and self.shuffle else np.arange(n)

    def _make(self, rows: np.ndarray, epoch: int, number: int) -> Any:
        batch = self._fetch(rows)
        transform = self.transform
        if transform is not None:
            if hasattr(transform, "at"):
                transform = transform.at(epoch, number)  # type: ignore[attr-defined]
            if isinstance(batch, tuple | list):
                batch = type(batch)([transform(batch[0]), *batch[1:]])
            else:
                batch = transform(batch)
        return to_tensors(batch)

    def _fetch(self, rows: np.ndarray) -> Any:
        data = self.dataset
        if self.collate_fn is not None:
            return self.collate_fn([data[int(i)] for i in rows])
        if isinstance(data, Dataset):
            return data.batch(rows)
        if isinstance(data, np.ndarray | Tensor):
            return (on_host(data.array) if isinstance(data, Tensor) else np.asarray(data)).take(rows, axis=0)
        return collate([data[int(i)] for i in rows])


def prefetched(make: Callable[[int], Any], numbers: range, depth: int) -> Iterator[Any]:
    """`make(number)` for each number in order, made by one thread which is at most `depth` ahead.

    The thread ends with the iteration, also when that is left early.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix=WORKER)
    waiting: deque[Future[Any]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(make, number))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # The garbage collector may close this generator from the thread itself, which cannot wait for its own end.
        pool.shutdown(wait=not threading.current_thread().name.startswith(WORKER), cancel_futures=True)


def _count(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"DataLoader: expected {name} as a whole number of at least {least}, got {value!r}")
    return int(value)
