"""Training: the fit loop, the loop of steps, callbacks, metrics, checkpoints."""

from nanonet.training import metrics
from nanonet.training.callbacks import Callback, Checkpoint, EarlyStopping, Schedule
from nanonet.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from nanonet.training.history import History
from nanonet.training.logs import CSVLog, TensorBoardLog
from nanonet.training.loop import Loop
from nanonet.training.trainer import DivergedError, Trainer

__all__ = [
    "CSVLog",
    "Callback",
    "Checkpoint",
    "CheckpointError",
    "DivergedError",
    "EarlyStopping",
    "History",
    "Loop",
    "Schedule",
    "TensorBoardLog",
    "Trainer",
    "load_checkpoint",
    "metrics",
    "save_checkpoint",
]
