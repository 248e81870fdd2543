"""The card of a step: its formula, the same with the numbers put in, the result; and the local Jacobian."""
