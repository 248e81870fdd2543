"""Checking gradients against finite differences."""

from nanonet.gradcheck.cause import Cause
from nanonet.gradcheck.check import check_backward, check_sample, gradcheck
from nanonet.gradcheck.report import Report

__all__ = ["Cause", "Report", "check_backward", "check_sample", "gradcheck"]
