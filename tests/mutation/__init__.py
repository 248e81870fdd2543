"""Mutation testing of the backward rules: `python -m tests.mutation` plants one small mistake at a time and counts
those that the gradient checker, and then the test suite, reject. See docs/mutation-score.md.
"""
