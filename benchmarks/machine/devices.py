"""GPUs by their data sheets: what a roofline and a break-even are modelled with where the GPU is not here.

Peaks are dense (no sparsity), at the boost clock, in FLOP/s; tensor peaks with float32 accumulation. Bandwidths are in
bytes per second, one way. They are ceilings: no kernel reaches them, and the figures made from them are "modelled".
"""

from __future__ import annotations

from dataclasses import dataclass

T, G, MIB = 1e12, 1e9, 2**20
# PCI Express with 16 lanes, one way: transfer rate × 16 lanes × 128/130 / 8 bits (PCI-SIG, base specifications 3 to 5).
PCIE = {generation: rate * 16 * 128 / 130 / 8 * G for generation, rate in {3: 8, 4: 16, 5: 32}.items()}


@dataclass(frozen=True)
class Device:
    """One GPU.

    fp32, tf32, fp16   FLOP/s: float32 on CUDA cores; TF32 and float16 on tensor cores; None where it has none
    bandwidth          of its memory
    l2                 bytes of L2 cache; None where the data sheet does not say
    pcie               generation of its x16 slot
    nvlink             bytes per second to other GPUs, both ways together; 0 without
    source             the document that the figures are from
    """

    name: str
    architecture: str
    fp32: float
    tf32: float | None
    fp16: float
    bandwidth: float
    l2: int | None
    pcie: int
    nvlink: float
    source: str

    @property
    def slot(self) -> float:
        """Bytes per second of its PCI Express slot, one way, before the protocol takes its share."""
        return PCIE[self.pcie]


_HALVED = ", halves of the sparse figures"


def _device(
    name: str, architecture: str, peaks: tuple[float, float | None, float], bandwidth: float, l2: int | None,
    pcie: int, nvlink: float, source: str,
) -> Device:  # fmt: skip
    fp32, tf32, fp16 = peaks
    cores = None if tf32 is None else tf32 * T
    cache = None if l2 is None else l2 * MIB
    return Device(name, architecture, fp32 * T, cores, fp16 * T, bandwidth * G, cache, pcie, nvlink * G, source)


DEVICES = (
    _device("T4", "sm_75", (8.1, None, 65), 320, 4, 3, 0, "NVIDIA Turing GPU Architecture, WP-09183, appendix B"),
    _device("A100 SXM 80GB", "sm_80", (19.5, 156, 312), 2039, 40, 4, 600, "NVIDIA A100 80GB data sheet, 2021"),
    _device("RTX 3090", "sm_86", (35.6, 35.6, 71.2), 936, 6, 4, 112.5, "NVIDIA Ampere GA102 GPU Architecture, v2.1"),
    _device("A10", "sm_86", (31.2, 62.5, 125), 600, 6, 4, 0, "NVIDIA A10 data sheet, 2021"),
    _device("L4", "sm_89", (30.3, 60.5, 121), 300, 48, 4, 0, "NVIDIA L4 data sheet" + _HALVED),
    _device("RTX 4090", "sm_89", (82.6, 82.6, 165.2), 1008, 72, 4, 0, "NVIDIA Ada GPU Architecture, v2.02"),
    _device("H100 PCIe", "sm_90", (51, 378, 756), 2000, 50, 5, 600, "NVIDIA H100 data sheet" + _HALVED),
    _device("H100 SXM", "sm_90", (67, 494.5, 989.5), 3350, 50, 5, 900, "NVIDIA H100 data sheet" + _HALVED),
    _device("H200", "sm_90", (67, 494.5, 989.5), 4800, 50, 5, 900, "NVIDIA H200 data sheet" + _HALVED),
    _device("B200", "sm_100", (75, 1125, 2250), 8000, None, 5, 1800, "NVIDIA HGX B200, an eighth" + _HALVED),
    _device("RTX 5090", "sm_120", (104.8, 104.8, 209.5), 1792, 96, 5, 0, "NVIDIA RTX Blackwell GPU Architecture, v1.1"),
)  # fmt: skip


def device(name: str) -> Device:
    """The GPU of that name. ValueError with the names that there are."""
    for one in DEVICES:
        if one.name.lower() == name.strip().lower():
            return one
    raise ValueError(f"GPU {name!r} is not in the table; expected one of {', '.join(one.name for one in DEVICES)}")


def recognise(reported: str) -> Device | None:
    """The table's entry for a name as the driver reports it: "NVIDIA H100 80GB HBM3" is the H100 SXM."""
    words = reported.lower()
    kinds = {
        "h100 pcie": "H100 PCIe", "h100": "H100 SXM", "h200": "H200", "b200": "B200", "a100": "A100 SXM 80GB",
        "rtx 5090": "RTX 5090", "rtx 4090": "RTX 4090", "rtx 3090": "RTX 3090", "tesla t4": "T4",
        "nvidia l4": "L4", "nvidia a10": "A10",
    }  # fmt: skip
    for key, name in kinds.items():
        follows = words.partition(key)[2][:1]
        if key in words and not follows.isalnum():
            return device(name)
    return None
