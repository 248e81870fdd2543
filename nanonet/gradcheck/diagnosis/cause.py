"""Why a gradient is wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """The mistake behind a wrong gradient: its kind, a sentence that names it, and what to do about it."""

    kind: str
    sentence: str
    remedy: str
