"""The formula of one entry of an op's result or gradient, found by running the op's own rule on symbolic arrays."""

from nanonet.teach.cards.expansion.evaluate import evaluate
from nanonet.teach.cards.expansion.expand import expand_backward, expand_forward, expand_rule
from nanonet.teach.cards.expansion.lines import Expansion, Line

__all__ = ["Expansion", "Line", "evaluate", "expand_backward", "expand_forward", "expand_rule"]
