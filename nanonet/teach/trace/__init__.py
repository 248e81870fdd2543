"""What a run of nanonet code did, step by step: recorded once, then walked forwards and backwards."""
