"""Checking gradients against finite differences."""

from nanonet.gradcheck.check import check_sample, gradcheck
from nanonet.gradcheck.report import Report

__all__ = ["Report", "check_sample", "gradcheck"]
