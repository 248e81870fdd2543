"""nanonet tour: train, step through, check, time; then one page with all of it."""

from nanonet.tour.tour import Tour, run

__all__ = ["Tour", "run"]
