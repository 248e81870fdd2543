"""What an instruction is for: the kinds in which machine code is counted.

Memory instructions are counted by the bits that one thread moves: "LDG.128" is a load of four floats at once.
Mnemonics: "Instruction Set Reference" in NVIDIA's CUDA Binary Utilities, Turing to Blackwell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from nanonet_kernels.inspection.sass import Instruction

_KINDS = {
    "FFMA": "FFMA FFMA2 FFMA32I",
    "HMMA": "HMMA IMMA BMMA DMMA QMMA OMMA HGMMA IGMMA BGMMA QGMMA UTCHMMA UTCIMMA UTCQMMA UTCOMMA WARPGROUP",
    "other FP": """
        FADD FADD2 FADD32I FMUL FMUL2 FMUL32I FMNMX FMNMX3 FSEL FSET FSETP FCHK FSWZADD FHADD FHFMA FRND MUFU
        HADD2 HADD2_32 HFMA2 HFMA2_32 HMUL2 HMUL2_32 HMNMX2 HSET2 HSETP2 DADD DFMA DMUL DSETP DMNMX
        UFADD UFFMA UFMUL UFMNMX UFSEL UFSET UFSETP UFRND""",
    "integer": """
        IADD IADD2 IADD3 IADD32I IMAD IMUL IMUL32I IMNMX IABS IDP IDP4A ISCADD ISCADD32I ISETP LEA LOP LOP3 LOP32I SHF
        SHL SHR BMSK BREV FLO POPC PRMT SEL SGXT VIADD VIADDMNMX VIMNMX VIMNMX3 VHMNMX VABSDIFF VABSDIFF4 PLOP3 PSETP
        P2R R2P
        UIADD3 UIMAD UIMNMX UISETP UISCADD UIABS ULEA ULOP ULOP3 ULOP32I USHF USHL USHR UBMSK UBREV UFLO UPOPC UPRMT
        USEL USGXT UVIADD UVIMNMX UVIRTCOUNT UPLOP3 UPSETP UP2UR UR2UP""",
    "move": "MOV MOV32I MOVM UMOV R2UR S2R S2UR CS2R CS2UR R2B B2R LEPC UCS2R",
    "convert": "F2F F2FP F2I F2IP I2F I2FP I2I I2IP UF2F UF2FP UF2I UF2IP UI2F UI2FP UI2I UI2IP",
    "constant": "LDC ULDC LDCU",
    "shuffle": "SHFL VOTE VOTEU MATCH REDUX CREDUX UREDUX",
    "atomic": "ATOM ATOMG ATOMS RED REDG REDAS UREDGR UREDGS",
    "barrier": """
        BAR UBAR DEPBAR LDGDEPBAR MEMBAR FENCE ERRBAR CGAERRBAR CCTL CCTLL CCTLT SYNCS ARRIVES UCGABAR_ARV UCGABAR_WAIT
        WARPSYNC UTCBAR UTMACMDFLUSH""",
    "control": """
        BRA BRX BRXU JMP JMX JMXU CALL RET EXIT KILL BPT BSSY BSYNC BREAK BMOV YIELD NANOSLEEP RPCMOV ACQBULK ELECT
        ENDCOLLECTIVE PREEXIT PMTRIG ACQSHMINIT""",
    "nothing": "NOP",
}  # fmt: skip
_KIND = {mnemonic: kind for kind, words in _KINDS.items() for mnemonic in words.split()}
# LDGSTS goes from global to shared memory past the registers; LDL and STL are spills and arrays in local memory
_MEMORY = {"LDG", "STG", "LDS", "STS", "LDL", "STL", "LD", "ST", "LDGSTS", "LDSM", "STSM", "LDGMC", "UBLKCP", "UTMALDG"}
_WITHOUT_WIDTH = {"UBLKCP", "UTMALDG"}


def kind(instruction: Instruction) -> str:
    """ "FFMA", "LDG.128", "integer", …; "unknown" for a mnemonic that is in no list."""
    name = instruction.mnemonic
    if name in _MEMORY:
        return name if name in _WITHOUT_WIDTH else f"{name}.{width(instruction)}"
    if _only_moves(instruction):
        return "move"
    return _KIND.get(name, "unknown")


def width(instruction: Instruction) -> int:
    """The bits that one thread loads or stores."""
    parts = instruction.opcode.split(".")[1:]
    if instruction.mnemonic in ("LDSM", "STSM"):  # 8x8 matrices of 16 bits: a register of each thread for each
        return 32 * next((int(p) for p in parts if p in ("2", "4")), 1)
    for part in parts:
        if part in ("64", "128", "256"):
            return int(part)
        if found := re.fullmatch(r"[US](8|16)", part):
            return int(found[1])
    return 32


def mix(instructions: Iterable[Instruction]) -> dict[str, int]:
    """How many of each kind there are, the most frequent first. NOPs do not count."""
    counts = Counter(kind(i) for i in instructions)
    del counts["nothing"]
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def share(counts: dict[str, int], *kinds: str) -> float:
    """The part of all counted instructions that is of these kinds: "LDG" stands for all widths of LDG."""
    total = sum(counts.values())
    wanted = sum(n for name, n in counts.items() if name in kinds or name.split(".")[0] in kinds)
    return wanted / total if total else 0.0


def _only_moves(instruction: Instruction) -> bool:
    """The compiler also moves registers with idle arithmetic units: IMAD.MOV, and HFMA2 of zeros with constants."""
    if instruction.opcode.startswith("IMAD.MOV"):
        return True
    if instruction.mnemonic in ("HFMA2", "HADD2", "FADD"):
        return instruction.operands.count("RZ") >= 2 and "R" not in re.sub(r"\bU?RZ\b", "", _inputs(instruction))
    return False


def _inputs(instruction: Instruction) -> str:
    return instruction.operands.partition(",")[2]
