"""read_csv: columns typed, mistakes in a file said in one line with file, line and column."""

import numpy as np
import pytest

from nanonet.data import read_csv
from nanonet.data.csv_file import find_delimiter, read_cells

PEOPLE = """age,city,income,left
31,Rome,1200.5,no
44,"Lyon, old town",NA,yes
,Rome,900,no
52,?,1e3,yes
"""


@pytest.fixture
def csv(tmp_path):
    """Writes text or bytes to a file and gives its path."""

    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_columns_and_their_kinds(csv):
    table = read_csv(csv(PEOPLE))
    assert len(table) == 4
    assert (table.numeric, table.categorical) == (["age", "income"], ["city"])
    assert (table.target, table.task, table.classes) == ("left", "binary", ["no", "yes"])
    np.testing.assert_array_equal(table.columns["age"], [31, 44, np.nan, 52])
    np.testing.assert_array_equal(table.columns["income"], [1200.5, np.nan, 900, 1000])
    assert table.columns["city"].tolist() == ["Rome", "Lyon, old town", "Rome", None]
    assert table.lines.tolist() == [2, 3, 4, 5]
    assert "4 rows, 2 numeric and 1 categorical columns, 3 cells missing" in str(table)


def test_options(csv):
    path = csv(PEOPLE)
    assert read_csv(path, "city", drop=["left"], missing=["", "NA"]).classes == ["?", "Lyon, old town", "Rome"]
    assert read_csv(path, drop=["age"]).names == ["city", "income"]
    assert read_csv(path, categorical=["age"]).columns["age"].tolist() == ["31", "44", None, "52"]
    with pytest.raises(ValueError, match="no column 'citi'; the columns are age, city, income, left"):
        read_csv(path, "citi")
    with pytest.raises(ValueError, match="no column 'x'"):
        read_csv(path, drop=["x"])
    with pytest.raises(ValueError, match="among the columns to drop"):
        read_csv(path, drop=["left"])
    with pytest.raises(ValueError, match="no column to predict from"):
        read_csv(path, drop=["age", "city", "income"])


@pytest.mark.parametrize("missing", ["", " ", "NA", "n/a", "nan", "NaN", "NULL", "?"])
def test_missing_cells(csv, missing):
    table = read_csv(csv(f"a,b,y\n1,u,0\n{missing},{missing},1\n3,v,0\n"))
    np.testing.assert_array_equal(table.columns["a"], [1, np.nan, 3])
    assert table.columns["b"].tolist() == ["u", None, "v"]


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([0, 1] * 5, "binary", ["0", "1"]),
        ([1.0, 2.0] * 5, "binary", ["1", "2"]),
        (["no", "yes"] * 5, "binary", ["no", "yes"]),
        ([10, 2, 1, 2, 10, 1, 2, 1, 10, 1], "multiclass", ["1", "2", "10"]),
        (["c", "a", "b", "a", "b", "c"], "multiclass", ["a", "b", "c"]),
        ([0.5, 1.5, 2.5] * 4, "regression", []),
        (list(range(10)), "regression", []),
        (list(range(21)) * 4, "regression", []),
    ],
)
def test_the_task_follows_the_target(csv, values, task, classes):
    table = read_csv(csv("x,y\n" + "".join(f"{i},{v}\n" for i, v in enumerate(values))))
    assert (table.task, table.classes) == (task, classes)


def test_the_task_can_be_said(csv):
    path = csv("x,y\n" + "".join(f"{i},{i % 4}\n" for i in range(20)))
    assert read_csv(path).task == "multiclass"
    assert read_csv(path, task="regression").columns["y"].dtype == float
    with pytest.raises(ValueError, match="a binary target has two values, this one has 4"):
        read_csv(path, task="binary")
    with pytest.raises(ValueError, match="expected one of binary, multiclass, regression, got 'regresion'"):
        read_csv(path, task="regresion")
    with pytest.raises(ValueError, match="regression needs numbers, the target has texts such as 'no'"):
        read_csv(csv(PEOPLE), task="regression")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_and_line_ends_are_found(csv, delimiter, end):
    text = 'a,b,y\n"1",x,0\n2,"u v",1\n'.replace(",", delimiter).replace("\n", end)
    table = read_csv(csv(text))
    assert table.names == ["a", "b"]
    assert table.columns["b"].tolist() == ["x", "u v"]


def test_delimiter_when_other_candidates_occur_too():
    assert find_delimiter("a;b;c\n1,5;2,5;3\n") == ";"
    assert find_delimiter("1,5;2,5\n3,5;4,5\n") == ";"
    assert find_delimiter("name,note\nx,a;b\ny,c\n") == ","
    assert find_delimiter('"a;b",c\n"d;e",f\n') == ","
    assert find_delimiter("only\n1\n2\n") == ","
    assert find_delimiter("") == ","


def test_decimal_commas(csv):
    path = csv("a;y\n" + "".join(f"{i},5;{i}\n" for i in range(30)))
    with pytest.raises(ValueError, match=r"line 2, column 'a': '0,5' has a decimal comma; pass decimal=','"):
        read_csv(path)
    np.testing.assert_array_equal(read_csv(path, decimal=",").columns["a"], np.arange(30) + 0.5)
    with pytest.raises(ValueError, match="decimal: expected"):
        read_csv(path, decimal=";")


def test_byte_order_mark_quoted_lines_and_blank_lines(csv):
    table = read_csv(csv(b'\xef\xbb\xbfa,b,y\n\n1,"two\nlines",0\n , ,\n2,x,1\n'.replace(b" , ,\n", b"\n")))
    assert table.names == ["a", "b"]
    assert table.columns["b"].tolist() == ["two\nlines", "x"]
    assert table.lines.tolist() == [3, 6]


def test_a_file_without_a_header(csv):
    path = csv("5.1,3.5,0\n4.9,3.0,1\n")
    with pytest.raises(ValueError, match="line 1: the first line holds numbers only; say header=False"):
        read_csv(path)
    assert read_csv(path, header=False).names == ["column 1", "column 2"]
    assert len(read_csv(path, header=False)) == 2
    assert read_csv(csv("2019,2020,2021\n4,3,0\n5,3,1\n"), header=True).names == ["2019", "2020"]


def test_a_column_without_a_name_is_noted(csv):
    table = read_csv(csv(",a,y\n0,1,0\n1,2,1\n"))
    assert table.names == ["column 1", "a"]
    assert "column 1 has no name" in table.notes[0]


def test_another_encoding_names_the_byte_and_what_to_do(csv):
    path = csv("a,city,y\n1,Rome,0\n2,Orléans,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"data.csv, line 3: byte 0xE9 is not utf-8; .*iconv -f latin1 -t utf-8"):
        read_csv(path)
    assert read_csv(path, encoding="latin-1").columns["city"].tolist() == ["Rome", "Orléans"]
    with pytest.raises(ValueError, match="unknown encoding 'latin-99'"):
        read_csv(path, encoding="latin-99")


def test_utf_16(csv):
    path = csv("a,y\n1,0\n2,1\n".encode("utf-16"))
    with pytest.raises(ValueError, match="the text is UTF-16"):
        read_csv(path)
    assert len(read_csv(path, encoding="utf-16")) == 2


def rows(*lines):
    return "a,b,y\n" + "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("a,b,y\n", "a header and no rows"),
        (rows("1,2,0", "1,2", "3,4,1"), "line 3: expected 3 cells, as in line 1, got 2"),
        (rows("1,2,0", "1,2,3,4"), "line 3: expected 3 cells, as in line 1, got 4"),
        ("a,b,a\n1,2,3\n", "line 1: columns 1 and 3 are both named 'a'"),
        (rows("1,NA,0", "2,?,1"), "column 'b' has no value in any row; drop it"),
        (rows("1,2,0", "1,2,", "1,3,1"), "line 3, column 'y': the target is missing"),
        (rows("1,2,0.5", "1,2,nan", "1,3,1"), "line 3, column 'y': the target is missing"),
        (rows("1,2,0", "1,3,0"), "column 'y': the target is 0.0 in every row"),
        (rows("1,2,0", "inf,2,1"), "line 3, column 'a': 'inf' is infinite"),
        (rows("1,2,0", "1e999,2,1"), "line 3, column 'a': '1e999' is infinite"),
        (rows(*[f"{i},2,{i % 2}" for i in range(20)], "3O,2,0"), "line 22, column 'a': '3O' is no number, while 20"),
        (rows(*[f"{i},2,{i % 2}" for i in range(20)], "1_0,2,0"), "'1_0' is no number"),
        (rows('1,"2,0', "3,4,1"), r"line 2: .*look for a quote that is not closed"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "this is a binary file"),
        (b"PK\x03\x04\x14\x00\x06\x00", r"binary file \(byte 0x00 at position 5\), not CSV"),
    ],
)
def test_a_bad_file_gets_one_clear_line(csv, content, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_csv(csv(content))
    assert "data.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing.csv: there is no such file"):
        read_csv(tmp_path / "nothing.csv")
    with pytest.raises(IsADirectoryError, match="this is a folder"):
        read_csv(tmp_path)


def test_rows_and_split(csv):
    path = csv("x,y\n" + "".join(f"{i},{'yes' if i % 5 == 0 else 'no'}\n" for i in range(50)))
    table = read_csv(path)
    assert table.rows([3, 1]).columns["x"].tolist() == [3, 1]
    assert table.rows([3, 1]).lines.tolist() == [5, 3]
    train, test = table.split(0.2, seed=0)
    assert (len(train), len(test)) == (40, 10)
    assert (test.columns["y"] == "yes").sum() == 2
    assert sorted([*train.columns["x"], *test.columns["x"]]) == list(range(50))
    again, _ = table.split(0.2, seed=0)
    np.testing.assert_array_equal(train.columns["x"], again.columns["x"])


def test_cells_are_stripped_and_as_many_as_names(csv):
    cells = read_cells(csv("a , b\n 1,  2 \n"))
    assert (cells.names, cells.rows, cells.lines) == (["a", "b"], [["1", "2"]], [2])
