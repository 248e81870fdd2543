"""Plots that a learner expects: loss landscape, gradients per layer, decision boundary, filters."""
