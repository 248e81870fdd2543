"""What `nanonet check` checks: every op at every sample, the backends, or a function of the user's."""
