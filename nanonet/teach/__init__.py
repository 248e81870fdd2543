"""Backpropagation to look at: trace, debugger, cards, pages, plots, exercises, and the documents' errors."""
