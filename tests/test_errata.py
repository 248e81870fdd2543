"""Every formula that a document has wrong is wrong when it is run, its correction is right, and the cause is named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.generator import get_state
from nanonet.teach.documents import DOCUMENTS, errata, example, get
from nanonet.teach.documents.checks import claim, gradient
from nanonet.teach.documents.d2 import written_adam
from nanonet.teach.documents.erratum import Outcome
from nanonet.teach.documents.page import rounded
from nanonet.teach.documents.pages import document_page, pages, run_all

FOLDER = Path(__file__).parents[1] / "docs" / "documents"

# label: (verdict as written, kind of its cause, [(verdict, kind) of each closer look as written]).
# The kinds were worked out by hand before they were compared; the reason stands beside each.
EXPECTED: dict[str, tuple[str, str | None, list[tuple[str, str | None]]]] = {
    # A stands where Ŷ belongs. In the network the cause is not found ("unknown"): A is no input, and Y is a constant
    "D0 (1)": ("fail", "unknown", [("fail", "swapped-operands")]),
    # two mistakes at once are "unknown"; alone: W[l+1] for W[l], and the mask of the next layer
    "D0 (2)": ("fail", "unknown", [("fail", "swapped-operands"), ("fail", "mask")]),
    # Aᵀ·dZ for dZ·Aᵀ: the operand is on the wrong side
    "D0 (3)": ("error", None, [("error", None), ("fail", "swapped-operands")]),
    # m/2 = 1.5 times the right one
    "D0 (4)": ("fail", "scale", [("fail", None)]),
    # W[2] and b[2] are given the gradients of W[1] and b[1]
    "D0 (5)": ("fail", "swapped-operands", []),
    # g' of a ReLU is a mask, and it is missing
    "D0 (6)": ("fail", "mask", []),
    "D0 (7)": ("fail", "mask", []),
    # W, an input, stands for g'(Z)
    "D0 (8)": ("fail", "input-for-output", [("error", None)]),
    # the term KL is missing
    "D1 (1)": ("fail", "missing-term", [("fail", None)]),
    "D1 (2)": ("fail", None, []),
    # a drawn number has no gradient
    "D1 (3)": ("error", None, [("fail", "zero")]),
    "D1 (4)": ("fail", None, []),
    # the training array is a constant that only the backward knows: no diagnosis can name it
    "D1 (5)": ("error", None, [("fail", "unknown")]),
    # D for D - 1, and D/(D - 1) = -eᵃ exactly
    "D1 (6)": ("fail", None, [("fail", "extra-factor")]),
    "D2 (1)": ("fail", None, []),
    "D2 (2)": ("error", None, []),
    # behind a loss "unknown"; of the layer alone: the sum of dz stands for dz
    "D2 (3)": ("fail", "unknown", [("fail", "ignored-upstream")]),
    # likewise; of the layer alone: W is missing
    "D2 (4)": ("fail", "unknown", [("fail", "missing-factor")]),
    # right is Y (Ŷ - 1), for labels 0 and 1 the same as Y masking Ŷ - Y
    "D2 (5)": ("fail", "mask", []),
    "D2 (6)": ("fail", None, []),
    # with one sample and one output 1/σ' is a number, a "scale"; with three values it is seen to be a factor
    "D3 (1)": ("fail", "scale", [("fail", "missing-factor")]),
    # A_1 stands for W_o, as ∇W_o = dZ_2·A_1ᵀ; σ'(Z_2), of the output, stands for σ'(Z_1)
    "D3 (2)": ("error", None, [("fail", "unknown"), ("fail", "swapped-operands"), ("fail", "input-for-output")]),
    # three mistakes at once
    "D3 (3)": ("fail", "unknown", []),
    # nothing reaches Q and K
    "D4 (1)": ("fail", None, [("fail", "zero")]),
}

ERRORS = {
    "D0 (3)": "dW0 is (3, 3), but W0 is (2, 2)",
    "D1 (3)": "NameError: name 'Sampling' is not defined",
    "D1 (5)": "ValueError: the target is (4, 4), but the reconstruction is (2, 4)",
    "D2 (2)": "ValueError: pseudocode: Ŷ is (2, 1), so Y must be, got (3, 1)",
    "D3 (2)": "dZ1 is (1, 3), but Z1 is (3, 1)",
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return run_all()


def test_every_document_has_its_errata() -> None:
    assert {name: len(errata(name)) for name in DOCUMENTS} == {"D0": 8, "D1": 6, "D2": 6, "D3": 3, "D4": 1}
    assert [one.label for one in errata()] == list(EXPECTED)
    assert all("$" in one.derivation and one.why and one.example for one in errata())


@pytest.mark.parametrize("label", EXPECTED)
def test_what_is_written_fails_and_the_correction_passes(label: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[label]
    assert outcome.as_expected()
    verdict, kind, closer = EXPECTED[label]
    assert _seen(outcome) == (verdict, kind)
    assert [_seen(look) for look in outcome.closer] == closer
    for one in (outcome, *outcome.closer):
        assert one.corrected.verdict == "pass"
        assert one.corrected.report is None or one.corrected.report.verdict == "pass"
    if verdict == "error":
        assert outcome.literal.sentence == ERRORS[label]


def _seen(outcome: Outcome) -> tuple[str, str | None]:
    return outcome.literal.verdict, outcome.literal.cause and outcome.literal.cause.kind


@pytest.mark.parametrize("label", EXPECTED)
def test_a_correction_replaced_by_what_is_written_is_found_out(label: str, outcomes: dict[str, Outcome]) -> None:
    one = get(label[:2], int(label[4:-1]))
    for outcome in (outcomes[label], *outcomes[label].closer):
        assert not replace(outcome, corrected=outcome.literal).as_expected()
        assert not replace(outcome, literal=outcome.corrected).as_expected()
    planted = replace(one, literal=one.corrected, closer=())
    assert not planted.run().as_expected()  # nothing is looked up: the code is run


@pytest.mark.parametrize("label", ["D0 (4)", "D0 (7)", "D1 (4)", "D2 (1)", "D4 (1)"])
def test_a_correction_replaced_in_the_code_is_found_out(label: str) -> None:
    one = get(label[:2], int(label[4:-1]))
    assert not replace(one, corrected=one.literal, closer=()).run().as_expected()


def test_the_diagnosis_speaks_of_the_documents_names(outcomes: dict[str, Outcome]) -> None:
    assert "the gradient of b1 is given for b2" in str(outcomes["D0 (5)"].cause)
    assert "A stands in the place of Ŷ" in str(outcomes["D0 (1)"].cause)
    assert "a factor W1 is missing" in str(outcomes["D2 (4)"].cause)
    assert "σ'(Z2) is missing" in str(outcomes["D3 (1)"].cause)


# What is no gradient: the contradiction in numbers


def numbers(outcome: Outcome) -> tuple[dict[str, Any], dict[str, Any]]:
    return outcome.literal.numbers, outcome.corrected.numbers


def test_d1_training_apart_learns_the_mean_image_only(outcomes: dict[str, Outcome]) -> None:
    apart, together = numbers(outcomes["D1 (2)"])
    assert apart["KL"] == 0
    assert abs(apart["reconstruction error"] - apart["error of the mean image"]) < 0.1
    assert together["reconstruction error"] < 2.5
    assert together["KL"] > 1


def test_d1_decoder_strides_down_to_2_by_2(outcomes: dict[str, Outcome]) -> None:
    down, up = numbers(outcomes["D1 (4)"])
    assert [down[name] for name in ("first convolution", "image")] == [(64, 4, 4), (1, 2, 2)]
    assert [up[name] for name in ("first convolution", "image")] == [(64, 14, 14), (1, 28, 28)]


def test_d1_exchanged_roles_make_d_of_real_fall(outcomes: dict[str, Outcome]) -> None:
    exchanged, right = numbers(outcomes["D1 (6)"])
    assert exchanged["D(real) after"] < exchanged["D(real) before"]
    assert exchanged["D(fake) after"] > exchanged["D(fake) before"]
    assert right["D(real) after"] > right["D(real) before"]
    assert right["D(fake) after"] < right["D(fake) before"]
    np.testing.assert_allclose(*(n.literal.numbers["dreal"] / n.corrected.numbers["dreal"] for n in _twice(outcomes)))


def _twice(outcomes: dict[str, Outcome]) -> list[Outcome]:
    return [outcomes["D1 (6)"].closer[0]] * 2


def test_d2_adam_takes_three_times_the_step(outcomes: dict[str, Outcome]) -> None:
    written, right = numbers(outcomes["D2 (1)"])
    np.testing.assert_allclose(np.abs(written["step 1 / α"]), 0.1 / np.sqrt(0.001), rtol=1e-4)
    for step in right.values():
        np.testing.assert_allclose(np.abs(step), 1, rtol=1e-5)
    assert list(written) == list(right) == list(written_adam())


def test_d2_printed_loss_is_below_what_any_line_reaches(outcomes: dict[str, Outcome]) -> None:
    printed, trained = numbers(outcomes["D2 (6)"])
    assert printed["final loss"] < printed["best line's loss, 100 points"] / 20
    assert trained["final loss"] == pytest.approx(trained["best line's loss, 100 points"], rel=1e-6)
    assert trained["100,000 points"] == pytest.approx(1 / 12, abs=1e-3)


def test_d4_weights_as_written_are_all_one(outcomes: dict[str, Outcome]) -> None:
    written, right = numbers(outcomes["D4 (1)"])
    assert (written["weights"] == 1).all()
    np.testing.assert_allclose(right["output"], right["nanonet's attention"], rtol=1e-12)


# The checks themselves fail where they should


def test_gradient_and_claim_say_fail_and_error() -> None:
    x = np.array([0.5, -1.5])
    check = gradient(lambda x: x**2, {"x": x})
    assert check(lambda dy, x: 2 * x * dy)
    assert check(lambda dy, x: x * dy).verdict == "fail"
    assert check(lambda dy, x: (2 * x * dy)[:1]).verdict == "error"
    assert claim("n is 1", lambda n: n["n"] == 1)(lambda: {"n": 2}).verdict == "fail"


def test_running_leaves_the_random_generator_alone() -> None:
    before = get_state()
    for label in ("D1 (2)", "D1 (4)", "D2 (6)"):
        get(label[:2], int(label[4:-1])).run()
    assert get_state() == before


# What people see


@pytest.mark.parametrize("label", EXPECTED)
def test_text_fits_a_terminal_and_says_both(label: str, outcomes: dict[str, Outcome]) -> None:
    text = get(label[:2], int(label[4:-1])).text(outcomes[label])
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith(label)
    assert "as written" in text
    assert "corrected   pass" in text
    assert "$" not in text


def test_the_pages_are_up_to_date(outcomes: dict[str, Outcome]) -> None:
    """If this fails after a change that is right: python -m nanonet.teach.documents."""
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    generated = pages(outcomes)
    assert sorted(written) == sorted(generated)
    for name, text in generated.items():
        assert written[name] == text


def test_a_changed_number_changes_the_page(outcomes: dict[str, Outcome]) -> None:
    one = outcomes["D0 (4)"]
    twice = {name: 2 * value for name, value in one.literal.numbers.items()}
    planted = outcomes | {"D0 (4)": replace(one, literal=replace(one.literal, numbers=twice))}
    assert document_page("D0", planted) != document_page("D0", outcomes)


def test_every_formula_of_the_pages_is_valid_latex(outcomes: dict[str, Outcome]) -> None:
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for one in errata():
        formulas = re.findall(r"\$[^$]+\$", one.derivation)
        assert one.derivation.count("$") == 2 * len(formulas)
        for formula in formulas:
            parser.parse(formula.replace(r"\top", r"\mathsf{T}"))


def test_rounding_prints_the_same_on_every_machine() -> None:
    assert rounded(0.12345) == rounded(0.12345 - 1e-16) == rounded(0.12345 + 1e-16) == "0.1235"
    assert rounded(np.array([1e-17, -2.0])) == "[0, -2]"
    assert rounded((3, 2)) == "3×2"


# The worked examples


@pytest.mark.parametrize(
    ("document", "number"), [("D0", 1), ("D0", 2), ("D1", 1), ("D2", 1), ("D2", 2), ("D3", 1), ("D4", 1)]
)
def test_worked_examples_are_right(document: str, number: int) -> None:
    function, inputs = example(document, number)
    assert all(x.dtype == np.float64 for x in inputs)
    assert function(*inputs).shape == ()
    wanted = [x for x in inputs if x.requires_grad]
    assert wanted

    def of_the_parameters(*given: Any) -> Any:
        fresh = iter(given)
        return function(*[next(fresh) if x.requires_grad else x for x in inputs])

    assert nt.gradcheck(of_the_parameters, wanted)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: errata("D7"), "expected one of D0, D1, D2, D3, D4, got 'D7'"),
        (lambda: get("D3", 4), "D3 has the errata 1, 2, 3, got 4"),
        (lambda: example("D1", 2), r"D1 has 1 example\(s\), got number 2"),
    ],
)
def test_refuses(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
