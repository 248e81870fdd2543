"""The shape of the work: how much of the product a block, a warp and a thread take, and what suits which product."""

from __future__ import annotations

from dataclasses import dataclass, replace

# a, b, out, bias, m, n, k, strides of a (row, column) and of b in elements, has_bias, activation: of every rung
ARGUMENTS = "f4* f4* f4* f4* i4 i4 i4 i8 i8 i8 i8 i4 i4"


@dataclass(frozen=True)
class Tile:
    """A block computes `bm x bn` of the product and walks along k in steps of `bk`; a thread computes `tm x tn` of it.

    wm, wn  the part of the block's tile that one warp computes; None where the rung does not arrange its warps
    per_sm  blocks that shall fit on one multiprocessor together: bounds the registers of a thread
    warp    lanes of a warp: 32 on every GPU; smaller only for small instances in the simulator
    """

    bm: int
    bn: int
    bk: int
    tm: int = 1
    tn: int = 1
    wm: int | None = None
    wn: int | None = None
    per_sm: int = 1
    warp: int = 32

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return (self.bm // self.tm) * (self.bn // self.tn)

    @property
    def name(self) -> str:
        """Its numbers in words: 128x128x8_8x8_32x64_2 (block, thread, warp, blocks on a multiprocessor)."""
        warp = f"_{self.wm}x{self.wn}" if self.wm else ""
        return f"{self.bm}x{self.bn}x{self.bk}_{self.tm}x{self.tn}{warp}_{self.per_sm}"

    def without_warps(self) -> Tile:
        """For a rung that does not arrange its warps."""
        return replace(self, wm=None, wn=None, warp=32)

    def each(self, width: int) -> int:
        """Elements of a panel, bk x width, that each thread brings."""
        if width * self.bk % self.threads:
            raise ValueError(
                f"tile {self.name}: a panel of {self.bk} x {width} cannot be divided among {self.threads} threads"
            )
        return width * self.bk // self.threads

    def blocks(self, m: int, n: int) -> int:
        """Blocks that cover a product of m by n."""
        return -(-m // self.bm) * -(-n // self.bn)

    def global_intensity(self) -> float:
        """Flops per byte of global memory where a block reads its panels once: bm bn / (2 (bm + bn))."""
        return 2 * self.bm * self.bn / (4 * (self.bm + self.bn))

    def shared_intensity(self) -> float:
        """Flops per byte that a thread reads from shared memory: tm tn / (2 (tm + tn))."""
        return 2 * self.tm * self.tn / (4 * (self.tm + self.tn))

    def warp_intensity(self) -> float:
        """Flops per byte of shared memory where lanes that read the same word share it: wm wn / (2 (wm + wn))."""
        assert self.wm is not None
        assert self.wn is not None
        return 2 * self.wm * self.wn / (4 * (self.wm + self.wn))


# 256 threads with 64 sums each. Two blocks on a multiprocessor leave 65536 / 512 = 128 registers for a thread: 64 sums,
# 16 factors, 8 words on their way, addresses. One waits at its barrier while the other multiplies. 32 flops per byte.
LARGE = Tile(128, 128, 8, 8, 8, wm=32, wn=64, per_sm=2)
# Four times as many blocks, for products that LARGE would not spread over all multiprocessors. 16 flops per byte.
SMALL = Tile(64, 64, 16, 8, 4, wm=32, wn=32, per_sm=4)
# Few rows (a small batch), few columns (a classifier's last layer): a square tile would be mostly outside. 12.8 flops
# per byte; such products are bound by memory whatever the tile: at m = 32 there are at most 16 flops per byte of b.
WIDE = Tile(32, 128, 16, 4, 8, wm=32, wn=32, per_sm=4)
TALL = Tile(128, 32, 16, 8, 4, wm=32, wn=32, per_sm=4)

# Multiprocessors of a usual GPU of each compute capability: what "spread over all" means where none can be asked.
MULTIPROCESSORS = {(7, 5): 40, (8, 0): 108, (8, 6): 82, (8, 9): 128, (9, 0): 132, (10, 0): 148, (12, 0): 170}

# For each architecture and class of shape. They are the same tiles at present: every one has 65536 registers for a
# multiprocessor and at least 64 KiB of shared memory. The blocks of LARGE take 33 KiB of that, those of SMALL 68 and of
# WIDE and TALL 84, so that on sm_75, which has just 64, three of these are there at a time instead of four. What
# differs is when a product is large: by the number of multiprocessors. Reasoned, not timed: `autotune` is for that.
TILES = {
    capability: {"large": LARGE, "small": SMALL, "wide": WIDE, "tall": TALL} for capability in MULTIPROCESSORS
}  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """How to compute a product: the rung, its tile, and for split_k the number of slices."""

    rung: str
    tile: Tile
    slices: int = 1


def shape_class(m: int, n: int, multiprocessors: int) -> str:
    """wide (m ≤ 32), tall (n ≤ 32), large (enough tiles for all multiprocessors), else small."""
    if m <= 32 or n <= 32:
        return "wide" if m <= n else "tall"
    return "large" if LARGE.blocks(m, n) >= multiprocessors else "small"


def choose(m: int, n: int, k: int, capability: tuple[int, int], multiprocessors: int | None = None) -> Choice:
    """Rung and tile for a product (m, k) @ (k, n) on a GPU of this compute capability.

    k is divided into slices where the tiles are too few to keep all multiprocessors busy, none shorter than 256.
    An architecture that the table does not know gets the newest one that is older than it.
    """
    known = max((c for c in TILES if c <= tuple(capability)), default=min(TILES))
    if multiprocessors is None:
        multiprocessors = MULTIPROCESSORS[known]
    tile = TILES[known][shape_class(m, n, multiprocessors)]
    slices = min(-(-multiprocessors // max(tile.blocks(m, n), 1)), k // 256)
    return Choice("split_k", tile, slices) if slices > 1 else Choice("warp_tile", tile)
