"""Settings of the whole suite."""

import os

from hypothesis import settings

# The same examples in every run, so that a failure is a failure of the change at hand. New ones are looked for with
# HYPOTHESIS_PROFILE=explore.
settings.register_profile("repeat", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))
