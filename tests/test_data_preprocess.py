"""Preprocessor: cleaned, normalised and encoded as stated; saved as JSON; D0's program on a real CSV."""

import csv as csv_module
import json

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import nanonet as nt
from nanonet import nn, optim
from nanonet.data import DataLoader, Preprocessor, k_fold, read_csv

TEXT = "size,colour,y\n1,red,no\n2,blue,yes\n,red,no\n4,,yes\n5,green,no\n1000,red,yes\n"


@pytest.fixture
def write(tmp_path):
    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_text(content)
        return path

    return write


@pytest.fixture
def table(write):
    return read_csv(write(TEXT))


def test_numbers_are_filled_clipped_and_standardised(table):
    prepared = Preprocessor.fit(table)
    size, colour = prepared.columns
    known = np.array([1, 2, 4, 5, 1000])
    first, median, third = np.quantile(known, [0.25, 0.5, 0.75])
    assert (size.median, size.low, size.high) == (median, first - 3 * (third - first), third + 3 * (third - first))
    cleaned = np.clip([1, 2, median, 4, 5, 1000], size.low, size.high)
    assert cleaned.max() == 14
    x = prepared.transform(table)
    np.testing.assert_allclose(x[:, 0], (cleaned - cleaned.mean()) / cleaned.std(), rtol=1e-6)
    assert x.dtype == np.float32
    assert colour.categories == ("blue", "green", "red")
    assert prepared.feature_names == ["size", "colour=blue", "colour=green", "colour=red"]
    assert x[:, 1:].tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_clipping_can_be_left_out_and_never_flattens_a_sparse_column(write):
    table = read_csv(write("rare,y\n" + "0,0\n" * 10 + "7,1\n0,1\n"))
    prepared = Preprocessor.fit(table)
    assert prepared.columns[0].low is None
    assert len(np.unique(prepared.transform(table))) == 2
    plain = Preprocessor.fit(read_csv(write(TEXT)), outliers=None)
    assert (plain.columns[0].low, plain.columns[0].high) == (None, None)


def test_a_constant_column_becomes_zero_and_large_values_do_not_overflow(write):
    table = read_csv(write("same,large,y\n3,1e200,0\n3,2e200,1\n3,4e200,1\n"))
    x = Preprocessor.fit(table).transform(table)
    assert (x[:, 0] == 0).all()
    np.testing.assert_allclose(x[:, 1].std(), 1, rtol=1e-6)


def test_labels(write):
    binary = read_csv(write(TEXT))
    y = Preprocessor.fit(binary).labels(binary)
    assert (y.dtype, y.tolist()) == (np.float32, [[0], [1], [0], [1], [0], [1]])
    several = read_csv(write("x,y\n1,b\n2,c\n3,a\n4,b\n"))
    y = Preprocessor.fit(several).labels(several)
    assert (y.dtype, y.tolist()) == (np.int64, [1, 2, 0, 1])
    numbers = read_csv(write("x,y\n1,10.5\n2,20.5\n3,40.5\n"))
    y = Preprocessor.fit(numbers).labels(numbers)
    assert (y.dtype, y.tolist()) == (np.float32, [[10.5], [20.5], [40.5]])
    scaled = Preprocessor.fit(numbers, scale_target=True)
    y = scaled.labels(numbers)
    np.testing.assert_allclose([y.mean(), y.std()], [0, 1], atol=1e-6)
    np.testing.assert_allclose(scaled.decode(y), [10.5, 20.5, 40.5], rtol=1e-6)


def test_decode(write, table):
    prepared = Preprocessor.fit(table)
    assert prepared.decode([[0.1], [0.5], [0.9]]).tolist() == ["no", "yes", "yes"]
    several = Preprocessor.fit(read_csv(write("x,y\n1,b\n2,c\n3,a\n4,b\n")))
    assert several.decode(np.array([2, 0])).tolist() == ["c", "a"]
    with pytest.raises(ValueError, match="take argmax"):
        several.decode(np.array([0.2, 0.7]))


def test_only_the_training_rows_are_learned_from(table):
    train = table.rows([0, 1, 2])
    prepared = Preprocessor.fit(train)
    assert prepared.columns[0].median == 1.5
    x = prepared.transform(table)
    assert x[4, 1:].tolist() == [0, 0]  # green was not seen: no category
    np.testing.assert_array_equal(x[:3], prepared.transform(train))


@pytest.mark.parametrize("rows", [TEXT, "n,y\n1,0.5\n2,0.25\n4,9\n", "x,y\n1,b\n2,c\n3,a\n4,b\n"])
def test_json_gives_an_equal_one_back(write, rows):
    table = read_csv(write(rows))
    prepared = Preprocessor.fit(table, scale_target=True)
    text = prepared.to_json()
    again = Preprocessor.from_json(text)
    assert again == prepared
    np.testing.assert_array_equal(again.transform(table), prepared.transform(table))
    assert json.loads(text)["target"] == "y"


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t[: len(t) // 2],
        lambda t: "",
        lambda t: "[1, 2]",
        lambda t: '{"format": "other"}',
        lambda t: t.replace('"median"', '"medium"'),
        lambda t: t.replace("binary", "ternary"),
        lambda t: t.replace('"target"', '"aim"'),
    ],
)
def test_other_json_is_refused(table, damage):
    with pytest.raises(ValueError, match=r"Preprocessor.from_json: expected what to_json\(\) wrote") as caught:
        Preprocessor.from_json(damage(Preprocessor.fit(table).to_json()))
    assert "\n" not in str(caught.value)


def test_a_file_to_predict_from(write, table):
    prepared = Preprocessor.fit(table)
    new = prepared.read_csv(write("id,colour,size\n7,purple,\n8,red,3\n", "new.csv"))
    assert (new.target, new.task) == (None, None)
    assert new.notes == ["ignored column(s) 'id', which the model does not know"]
    x = prepared.transform(new)
    size = prepared.columns[0]
    np.testing.assert_allclose(x[:, 0], (np.array([size.median, 3]) - size.mean) / size.std, rtol=1e-6)
    assert x[:, 1:].tolist() == [[0, 0, 0], [0, 0, 1]]
    with pytest.raises(ValueError, match="there is no target column 'y'"):
        prepared.labels(new)


def test_a_file_to_predict_from_keeps_the_kinds_that_were_learned(write):
    prepared = Preprocessor.fit(read_csv(write("code,n,y\n1,5,0\n2,6,1\nA,7,0\nB,7,1\n")))
    new = write("code,n,y\n1,NA,1.0\n2,NA,0\n", "new.csv")
    table = prepared.read_csv(new)
    x = prepared.transform(table)
    assert x.shape == (2, 5)
    assert np.isfinite(x).all()
    assert prepared.labels(table).tolist() == [[1], [0]]
    with pytest.raises(ValueError, match="line 3, column 'n': expected a number, got 'six'"):
        prepared.read_csv(write("code,n\n1,5\n1,six\n", "new.csv"))
    inferred = read_csv(write("code,n,y\n1,3,1\n2,4,0\n", "new.csv"))
    with pytest.raises(ValueError, match="column 'code' should hold texts, it holds numbers"):
        prepared.transform(inferred)


def test_missing_columns_are_listed(write, table):
    prepared = Preprocessor.fit(table)
    with pytest.raises(ValueError, match=r"new.csv: missing column\(s\) 'size', 'colour'; the file has a, b"):
        prepared.read_csv(write("a,b\n1,2\n", "new.csv"))


def test_how_cells_are_read_is_kept(write):
    table = read_csv(write("a;y\n1,5;0\n-;1\n2,5;1\n"), missing=["-"], decimal=",")
    prepared = Preprocessor.from_json(Preprocessor.fit(table).to_json())
    new = prepared.read_csv(write("a;z\n-;1\n0,25;2\n", "new.csv"))
    np.testing.assert_array_equal(new.columns["a"], [np.nan, 0.25])


def test_targets_that_do_not_fit_are_refused(write, table):
    prepared = Preprocessor.fit(table)
    with pytest.raises(ValueError, match="line 3, column 'y': class 'maybe' is not among those learned: no, yes"):
        prepared.labels(prepared.read_csv(write("size,colour,y\n1,red,no\n2,red,maybe\n", "new.csv")))
    with pytest.raises(ValueError, match="line 2, column 'y': the target is missing"):
        prepared.labels(prepared.read_csv(write("size,colour,y\n1,red,?\n2,red,no\n", "new.csv")))


def test_columns_that_cannot_be_learned_are_refused(write):
    names = read_csv(write("name,y\n" + "".join(f"person {i},{i % 2}\n" for i in range(60))))
    with pytest.raises(ValueError, match="column 'name' has 60 different texts in 60 rows, more than max_categories"):
        Preprocessor.fit(names)
    assert Preprocessor.fit(names, max_categories=60).transform(names).shape == (60, 60)
    table = read_csv(write("a,b,y\n,,0\n,,1\n3,u,1\n4,v,0\n"))
    with pytest.raises(ValueError, match="column 'a' has no value in the training rows"):
        Preprocessor.fit(table.rows([0, 1]))
    with pytest.raises(ValueError, match="the table has no target"):
        prepared = Preprocessor.fit(table)
        Preprocessor.fit(prepared.read_csv(write("a,b\n1,u\n", "new.csv")))


@pytest.fixture
def cancer_csv(tmp_path):
    """Breast cancer as a CSV file with 300 cells blanked in three ways and two slips of the pen."""
    cancer = load_breast_cancer()
    rng = np.random.default_rng(0)
    cells = [[repr(float(v)) for v in row] for row in cancer.data]
    for row, column in zip(rng.integers(0, 569, 300), rng.integers(0, 30, 300), strict=True):
        cells[row][column] = rng.choice(["", "NA", "?"])
    cells[7][3], cells[8][4] = "1e7", "-1e7"
    path = tmp_path / "cancer.csv"
    with path.open("w", newline="") as file:
        writer = csv_module.writer(file)
        writer.writerow([*cancer.feature_names, "diagnosis"])
        writer.writerows([[*row, cancer.target_names[t]] for row, t in zip(cells, cancer.target, strict=True)])
    return path


def accuracy_of_d0s_network(train, test):
    """Dense 128 ReLU → Dense 64 ReLU → Dense 1 sigmoid; Adam, binary cross-entropy; 10 epochs, batch 32."""
    prepared = Preprocessor.fit(train)
    x, y = prepared.transform(train), prepared.labels(train)
    assert np.isfinite(x).all()
    assert abs(x).max() < 10
    net = nn.Sequential(nn.Linear(30, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1), nn.Sigmoid())
    optimizer, loss = optim.Adam(net.parameters()), nn.BCELoss()
    loader = DataLoader((x, y), 32, shuffle=True, seed=0, prefetch=2)
    for _ in range(10):
        for bx, by in loader:
            optimizer.zero_grad()
            loss(net(bx), by).backward()
            optimizer.step()
    with nt.no_grad():
        found = prepared.decode(net(nt.tensor(prepared.transform(test))).numpy())
    return (found == test.columns["diagnosis"]).mean()


def test_d0s_program_on_a_real_csv(cancer_csv):
    """Five-fold, so that every row is tested once: a single test part of 114 rows moves the figure by ±1.5 %."""
    table = read_csv(cancer_csv)
    assert (table.task, table.classes, len(table.numeric)) == ("binary", ["benign", "malignant"], 30)
    nt.manual_seed(0)
    folds = k_fold(len(table), 5, seed=0, stratify=table.columns["diagnosis"])
    accuracies = [accuracy_of_d0s_network(table.rows(train), table.rows(test)) for train, test in folds]
    assert np.mean(accuracies) >= 0.95, accuracies


def test_many_missing_columns_are_counted_not_listed(tmp_path):
    header = ",".join(f"c{i}" for i in range(40))
    rows = "\n".join(",".join(str(i * j) for j in range(40)) + f",{i % 2}" for i in range(4))
    path = tmp_path / "wide.csv"
    path.write_text(f"{header},target\n{rows}\n")
    fitted = Preprocessor.fit(read_csv(path))
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"missing column\(s\) 'c0', .*'c7' and 32 more; the file has a, b$"):
        fitted.read_csv(other)
