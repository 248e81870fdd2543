"""Data: sets and batches, CSV tables, splits, image augmentation, sets by name."""

from nanonet.data import augment
from nanonet.data.augment import Augment, Compose
from nanonet.data.dataset import ArrayDataset, Dataset, Subset, collate
from nanonet.data.download import DataDamaged, DataUnavailable, cache_folder
from nanonet.data.loader import DataLoader
from nanonet.data.named import NamedData, linear, load, moons, names, spirals
from nanonet.data.preprocess import Preprocessor, loss_target
from nanonet.data.split import k_fold, train_test_split
from nanonet.data.table import Table, read_csv

__all__ = [
    "ArrayDataset",
    "Augment",
    "Compose",
    "DataDamaged",
    "DataLoader",
    "DataUnavailable",
    "Dataset",
    "NamedData",
    "Preprocessor",
    "Subset",
    "Table",
    "augment",
    "cache_folder",
    "collate",
    "k_fold",
    "linear",
    "load",
    "loss_target",
    "moons",
    "names",
    "read_csv",
    "spirals",
    "train_test_split",
]
