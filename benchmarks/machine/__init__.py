"""The machine: what it is (fingerprint), what it can do at most (roofline), and when a GPU would win (break-even)."""
