"""Which operation of a recorded graph has the wrong backward, and which value left the graph."""
