"""Kernels: pure functions on buffers, with nothing of nanonet imported.

Each writes into `out`, keeps no state and allocates nothing. What a kernel computes is specified by a textbook rule in
`nanonet.ops`, against which the tests hold it.
"""
