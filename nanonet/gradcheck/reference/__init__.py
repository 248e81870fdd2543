"""Reference derivatives with error bars, from function values alone."""

from nanonet.gradcheck.reference.derivatives import EPS, Function, Reference, derivatives, gradient, ridders

__all__ = ["EPS", "Function", "Reference", "derivatives", "gradient", "ridders"]
