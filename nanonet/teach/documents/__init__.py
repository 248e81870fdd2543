"""The documents: where they are wrong as written, beside the correction, and their worked examples."""

from nanonet.teach.documents.erratum import Erratum, Finding, Outcome
from nanonet.teach.documents.golden import Golden, golden_example, golden_examples, same_digits
from nanonet.teach.documents.registry import DOCUMENTS, errata, example, get

__all__ = [
    "DOCUMENTS",
    "Erratum",
    "Finding",
    "Golden",
    "Outcome",
    "errata",
    "example",
    "get",
    "golden_example",
    "golden_examples",
    "same_digits",
]
