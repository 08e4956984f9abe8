"""The report: one self-contained HTML page for all files, with plot, player and sortable table."""

from damer.report.page import Report

__all__ = ["Report"]
