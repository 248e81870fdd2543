"""Nothing is timed before its result is checked: float64 oracle, poisoned outputs, error bounds, refusal."""
