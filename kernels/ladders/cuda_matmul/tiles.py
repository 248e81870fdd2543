"""The shape of the work: how much of the product a block, a warp and a thread take."""

from __future__ import annotations

from dataclasses import dataclass

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
        return f"{self.bm}x{self.bn}x{self.bk}"

    def blocks(self, m: int, n: int) -> int:
        """Blocks that cover a product of m by n."""
        return -(-m // self.bm) * -(-n // self.bn)
