"""Backpropagation to look at: the trace of a run, its debugger, cards, pages, plots, exercises, the documents' errors."""
