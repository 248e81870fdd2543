"""The gradient checker's diagnosis, in a learner's words and without the numbers of the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

KINDS = {
    "sign": "a sign is wrong",
    "scale": "a constant factor is wrong",
    "transpose": "something is transposed that should not be, or the reverse",
    "swapped-operands": "two operands are exchanged",
    "ignored-upstream": "the upstream gradient is not used as it should be",
    "missing-sum": "a sum is missing",
    "wrong-axis": "the wrong axis",
    "mean-for-sum": "a mean stands where a sum belongs",
    "sum-for-mean": "a sum stands where a mean belongs",
    "broadcast-not-undone": "the broadcasting is not undone",
    "input-for-output": "the input stands where the output belongs, or the reverse",
    "overwritten": "something is overwritten that should be added to",
    "missing-coupling": "entries that depend on each other are treated as if they did not",
    "missing-term": "a term is missing",
    "missing-factor": "a factor is missing",
    "extra-factor": "a factor is too many",
    "mask": "the gradient passes at the wrong places",
    "zero": "nothing flows back",
    "off-by-one": "an index is off by one",
    "flipped": "an array is reversed that should not be, or the reverse",
    "stale-cache": "something is remembered from an earlier call",
    "clobbered-cotangent": "the upstream gradient is changed in place",
    "single-entry": "a single entry is wrong",
    "unknown": "none of the usual mistakes explains it",
}

RULES = {
    "sign": "Follow each minus sign through the derivative: (-u)' = -u', (1/u)' = -u'/u², (a - u)' = -u'.",
    "scale": "A constant factor goes through a derivative unchanged, and a power brings one down: (c·u)' = c·u', "
    "(u²)' = 2u·u'.",
    "transpose": "Write down one entry of the forward as a sum with its indices, differentiate that, and read off "
    "which index of which array is summed over.",
    "swapped-operands": "The derivative of a product with respect to one operand is the other operand; and the "
    "gradients are returned in the order of the inputs.",
    "ignored-upstream": "Chain rule: every gradient is the upstream gradient dy times the local derivative, place by "
    "place.",
    "missing-sum": "An entry that is used several times gets one term for each use: add them.",
    "wrong-axis": "The sum runs over the axes along which an entry is used again and again: find them in the forward.",
    "mean-for-sum": "Each use adds its own term, in full. A mean in the loss is in dy already.",
    "sum-for-mean": "A mean over n entries gives each of them the share 1/n.",
    "broadcast-not-undone": "What the forward stretches, the backward sums: a gradient has the shape of its input.",
    "input-for-output": "Look at the argument of each local derivative: does the formula want the input or the output?",
    "overwritten": "Gradients of several uses are added (+=), never assigned (=).",
    "missing-coupling": "If one input moves several outputs, its gradient has a term for each of them.",
    "missing-term": "Sum of paths: follow every path from the input to the output, and add what comes back along each.",
    "missing-factor": "Chain rule: every step on the path gives one factor, its local derivative. Count the steps.",
    "extra-factor": "Chain rule: every step on the path gives exactly one factor. Count them.",
    "mask": "Where the forward does not let a value through, its gradient is 0; where it does, dy passes.",
    "zero": "An input that changes the output has a gradient: compute it and return it.",
    "off-by-one": "Write down for one entry which index the forward reads and which it writes: backward reverses it.",
    "flipped": "Write down for one output entry which input entries it reads, and in which order.",
    "stale-cache": "Make the arrays for the gradients anew in every call.",
    "clobbered-cotangent": "dy belongs to the caller: compute with a copy.",
    "single-entry": "Look at the borders and the special cases of that entry.",
    "shape": "A gradient has the shape of its input. A sum with keepdims=True keeps its axis, with length 1; "
    "broadcasting spreads one number over an axis.",
    "unknown": "Take one entry, write down the forward for it alone, differentiate, and compare.",
}

SAID = (  # what the title has said already
    "the gradient has the wrong sign: ",
    "the upstream gradient dy is ignored: ",
    "operands swapped: ",
)
FACTOR = re.compile(r"^a factor (.+) is (?:missing|too many)$")

DECIMAL = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?|-?\d+e[-+]?\d+")


def without_numbers(text: str) -> str:
    """Decimal numbers are taken out: they may be numbers of the answer. Indices and lengths stay."""
    return DECIMAL.sub("a constant", text)


def in_names(sentence: str, names: Sequence[str]) -> str:
    """`input 0` becomes the argument's name."""

    def name(match: re.Match[str]) -> str:
        k = int(match[1])
        return names[k] if k < len(names) else match[0]

    def pair(match: re.Match[str]) -> str:
        i, j = int(match[1]), int(match[2])
        return f"{names[i]} and {names[j]}" if max(i, j) < len(names) else match[0]

    sentence = re.sub(r"(?:the )?inputs (\d+) and (\d+)", pair, sentence)
    sentence = re.sub(r"step (\d+) \((\w+)\)", r"the \2 of the forward (its step \1)", sentence)
    return re.sub(r"input (\d+)", name, sentence)


def kind_in_words(kind: str, sentence: str, names: Sequence[str]) -> str:
    """The second hint: the kind, and what the diagnosis says of it."""
    title = KINDS.get(kind, KINDS["unknown"])
    if kind == "unknown":
        known = sentence and not sentence.startswith("no known mistake")
        return f"{capital(without_numbers(in_names(sentence if known else title, names)))}."
    for said in SAID:
        sentence = sentence.removeprefix(said)
    sentence = FACTOR.sub(r"\1", sentence.replace(": nothing flows back to this input", ""))
    detail = without_numbers(in_names(sentence, names))
    return f"{capital(title)}: {detail}." if detail else f"{capital(title)}."


def rule_in_words(kind: str, own: str) -> str:
    """The third hint: the rule of calculus for this kind of mistake, then the one of this input."""
    return " ".join(part for part in (RULES.get(kind, RULES["unknown"]), own) if part)


def capital(text: str) -> str:
    """With a capital letter in front, but for names such as dx, v or β₁."""
    first = text.split(" ")[0]
    word = first.isascii() and first.isalpha() and (len(first) > 2 or first in ("a", "an", "in", "it", "of", "no"))
    return text[:1].upper() + text[1:] if word else text


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
