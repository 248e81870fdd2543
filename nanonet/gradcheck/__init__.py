"""Checking gradients against finite differences."""

from nanonet.gradcheck.check import check_backward, check_sample, gradcheck
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.second_order.adjoint import forward_mode_check
from nanonet.gradcheck.second_order.second import gradgradcheck

__all__ = ["Cause", "Report", "check_backward", "check_sample", "forward_mode_check", "gradcheck", "gradgradcheck"]
