"""What a check found, and its views: text, pages, JSON."""

from nanonet.gradcheck.report.report import Comparison, Report, reports_to_json

__all__ = ["Comparison", "Report", "reports_to_json"]
