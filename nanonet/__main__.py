"""`python -m nanonet`: the command, where its script is not on the path."""

import sys

from nanonet.cli import main

sys.exit(main())
