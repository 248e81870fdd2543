from __future__ import annotations


def draw(recipe, history):
    return {}
