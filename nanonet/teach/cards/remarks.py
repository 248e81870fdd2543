"""What is often misunderstood, said in a sentence where it happens. Each remark decides by itself if it applies."""

from __future__ import annotations

from collections.abc import Sequence

from nanonet.teach.cards import remarks_operations, remarks_walk  # noqa: F401  (their remarks add themselves)
from nanonet.teach.cards.noticing import REMARKS, Seen
from nanonet.teach.cards.targets import Target
from nanonet.teach.trace.model import Step, Trace


def remarks_on(trace: Trace, step: Step, target: Target, entry: Sequence[int]) -> tuple[str, ...]:
    """All that is to be said of this step, in the order in which the remarks are defined."""
    seen = Seen(trace, step, target, tuple(entry))
    return tuple(sentence for one in REMARKS.values() if (sentence := one(seen)))
