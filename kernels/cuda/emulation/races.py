"""Races: two threads at the same bytes, one of them writing, and nothing that says who comes first."""

from __future__ import annotations

import numpy as np

RECORD = np.dtype(
    [("address", "u8"), ("pc", "u8")]
    + [(name, "u4") for name in ("block", "thread", "epoch", "warp_epoch", "size", "access")]
)  # as struct Record in runtime.cpp; epochs count the barriers that the thread has passed
READ, WRITE, ATOMIC = 0, 1, 2
WARP = 32


def conflicts(records: np.ndarray, shared: bool, most: int) -> list[np.ndarray]:
    """Pairs (writer, other) of records of one buffer that no barrier orders.

    Accesses of one block with a different `epoch` are ordered, and so are those of one warp with a different
    `warp_epoch`. Accesses of different blocks are not ordered: shared memory, which each block has for itself, aside.
    """
    index, place = _pieces(records)
    r = records[index]
    block, warp = r["block"].astype("i8"), r["thread"].astype("i8") // WARP
    within = [place, block, r["epoch"]]
    found = []
    order, group = _groups(within)
    one_warp = np.empty(len(r), bool)
    one_warp[order] = _same(group, warp[order])
    # Where all accesses are one warp's, its own barriers order them too.
    for keys in [[*within, np.where(one_warp, r["warp_epoch"], 0)]] + ([] if shared else [[place]]):
        order, group = _groups(keys)
        who = r["thread"].astype("i8") if len(keys) > 1 else block
        access = r["access"].astype("i8")
        writes = _least(group, -access[order]) < -READ
        bad = ~_same(group, who[order]) & writes & (_least(group, access[order]) != ATOMIC)
        for number in np.unique(group[bad])[:most]:
            members = order[group == number]
            writer = members[np.argmax(access[members] > READ)]
            other = members[np.argmax(who[members] != who[writer])]
            found.append(r[[writer, other]])
    return found


def _pieces(records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each access as pieces of 2 bytes, the smallest type that kernels use: the record's index, the piece's place."""
    pieces = np.maximum(records["size"].astype("i8") // 2, 1)
    index = np.repeat(np.arange(len(records)), pieces)
    nth = np.arange(len(index)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return index, records["address"][index].astype("i8") // 2 + nth


def _groups(keys: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The order that sorts by `keys`, the first one foremost; and, in that order, the number of each one's group."""
    order = np.lexsort(keys[::-1])
    new = np.zeros(len(order), bool)
    for key in keys:
        new[1:] |= key[order][1:] != key[order][:-1]
    return order, np.cumsum(new)


def _least(group: np.ndarray, value: np.ndarray) -> np.ndarray:
    """For each element the least value in its group."""
    if not len(group):
        return value
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    return np.minimum.reduceat(value, starts)[group]


def _same(group: np.ndarray, value: np.ndarray) -> np.ndarray:
    """For each element: have all of its group the same value?"""
    return _least(group, value) == -_least(group, -value)
