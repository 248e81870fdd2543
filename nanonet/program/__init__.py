"""The documents' programs, as the command runs them: train on a table or on images, predict for new rows."""

from nanonet.program.folder import Run
from nanonet.program.prediction import predict
from nanonet.program.settings import Settings, parse_sizes
from nanonet.program.source import Reading, Source, open_source
from nanonet.program.training import Outcome, train

__all__ = ["Outcome", "Reading", "Run", "Settings", "Source", "open_source", "parse_sizes", "predict", "train"]
