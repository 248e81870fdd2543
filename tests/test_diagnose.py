"""The cause that is named for a wrong gradient."""

import collections
import itertools
import warnings

import numpy as np
import pytest

from nanonet.gradcheck.diagnosis import laboratory
from nanonet.gradcheck.diagnosis.case import Case
from nanonet.gradcheck.diagnosis.diagnose import diagnose
from nanonet.gradcheck.diagnosis.evidence import Evidence
from tests import faults, mutants


def jacobian(f, inputs, index):
    """∂y/∂x by central differences of fourth order."""
    x, h = inputs[index], 1e-3
    columns = []
    for at in np.ndindex(x.shape):

        def shifted(by, at=at):
            moved = x.copy()
            moved[at] += by
            return np.asarray(f(*inputs[:index], moved, *inputs[index + 1 :])).ravel()

        columns.append((8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h))
    y = np.asarray(f(*inputs))
    return np.array(columns).T.reshape(y.size, x.size)


def evidence(f, inputs, index, wrong, with_jacobian=True, with_backward=True, with_forward=True):
    inputs = [np.asarray(x, dtype=float) for x in inputs]
    y = np.asarray(f(*inputs), dtype=float)
    rng = np.random.default_rng(3)
    dy = rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape)
    jacobians = [jacobian(f, inputs, i) for i in range(len(inputs))]
    references = [(dy.ravel() @ J).reshape(x.shape) for J, x in zip(jacobians, inputs, strict=True)]

    def backward(dy):
        return backward_at(inputs, dy)

    def backward_at(values, dy):
        return [wrong(dy, *values) if i == index else None for i in range(len(values))]

    analytic = np.array(wrong(dy, *inputs), dtype=float)
    return Evidence(
        inputs=tuple(inputs),
        output=y,
        dy=dy,
        index=index,
        analytic=analytic,
        numeric=references[index],
        bars=np.full(inputs[index].shape, 1e-10),
        jacobian=jacobians[index] if with_jacobian else None,
        others=tuple(analytic if i == index else r for i, r in enumerate(references)),
        references=tuple(references),
        backward=backward if with_backward else None,
        forward=(lambda values: np.asarray(f(*values))) if with_forward else None,
        backward_at=backward_at if with_backward and with_forward else None,
    )


def score(**options):
    wrong = []
    for number, (kind, *fault) in enumerate(faults.FAULTS):
        found = diagnose(evidence(*fault, **options))
        if found.kind != kind:
            wrong.append((number, kind, found.kind, found.sentence))
    return wrong


def test_at_least_nine_of_ten_planted_faults_are_named_and_few_are_misnamed():
    wrong = score()
    assert len(faults.FAULTS) >= 60
    assert len(wrong) <= 0.1 * len(faults.FAULTS), wrong
    assert sum(kind != "unknown" for _, _, kind, _ in wrong) <= 0.02 * len(faults.FAULTS), wrong


def test_every_eighth_single_change_of_right_rules_is_mostly_named_and_rarely_misnamed():
    changed = list(itertools.islice(mutants.mutants(), 0, None, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a changed rule may divide by zero
        found = [(kinds, diagnose(evidence(*rest)).kind, text) for kinds, text, *rest in changed]
    wrong = [one for one in found if one[1] not in one[0]]
    misnamed = [one for one in wrong if one[1] != "unknown"]
    assert len(found) > 80
    assert len(misnamed) <= 0.02 * len(found), misnamed
    assert len(wrong) <= 0.2 * len(found), wrong


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"with_forward": False}, 0.7),
        ({"with_backward": False}, 0.5),
        ({"with_jacobian": False, "with_backward": False, "with_forward": False}, 0.25),
    ],
)
def test_with_less_evidence_less_is_named_and_nearly_nothing_misnamed(options, named):
    wrong = score(**options)
    misnamed = [one for one in wrong if one[2] != "unknown"]
    assert len(misnamed) <= 0.02 * len(faults.FAULTS), misnamed
    assert len(wrong) <= (1 - named) * len(faults.FAULTS), len(wrong)


def test_a_slow_function_is_not_run_for_ever(monkeypatch):
    monkeypatch.setattr(laboratory, "BUDGET", 0.0)
    found = diagnose(evidence(np.tanh, [faults.X], 0, lambda dy, x: dy * x))
    assert found.kind == "unknown"


@pytest.mark.parametrize("options", [{}, {"with_forward": False}, {"with_jacobian": False, "with_backward": False}])
@pytest.mark.parametrize("number", range(len(faults.NAMELESS)))
def test_a_nameless_fault_accuses_nobody(number, options):
    found = diagnose(evidence(*faults.NAMELESS[number], **options))
    assert found.kind == "unknown", found


CHANGES = {
    "a random factor for each entry": lambda J, rng: J * (1 + 0.3 * rng.normal(size=J.shape)),
    "noise": lambda J, rng: J + 0.1 * np.abs(J).max() * rng.normal(size=J.shape),
    "a random factor for each input": lambda J, rng: J * (1 + 0.2 * rng.normal(size=(1, J.shape[1]))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_randomly_changed_jacobian_accuses_nobody(change):
    rng = np.random.default_rng(1)
    for _, f, inputs, index, _ in faults.FAULTS[::3]:
        J, x = jacobian(f, inputs, index), inputs[index]
        wrong = CHANGES[change](J, rng)
        found = diagnose(evidence(f, inputs, index, lambda dy, *_, A=wrong, x=x: (dy.ravel() @ A).reshape(x.shape)))
        assert found.kind == "unknown", (f, found)


def test_every_kind_that_a_diagnosis_can_name_is_planted():
    planted = collections.Counter(kind for kind, *_ in faults.FAULTS)
    listed = (
        "sign scale transpose swapped-operands ignored-upstream missing-sum wrong-axis mean-for-sum sum-for-mean "
        "broadcast-not-undone input-for-output overwritten missing-coupling missing-term missing-factor extra-factor "
        "mask zero off-by-one flipped single-entry"
    )
    assert set(planted) == set(listed.split())
    assert min(planted.values()) >= 2


def test_the_sentence_says_what_to_do():
    found = diagnose(evidence(faults.linear, [faults.X, faults.W, faults.B], 2, lambda dy, x, w, b: dy.mean(0)))
    assert found.kind == "mean-for-sum"
    assert "mean over the batch" in found.sentence
    assert "4" in found.remedy


def test_a_gradient_that_is_not_finite_is_said_to_be_so():
    found = diagnose(evidence(np.tanh, [faults.X], 0, lambda dy, x: np.where(x > 1, np.nan, dy)))
    assert found.kind == "unknown"
    assert "not finite" in found.sentence


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (1,), (2, 3, 4, 5)])
def test_a_gradient_of_a_strange_shape_gets_an_answer(shape):
    found = diagnose(evidence(np.tanh, [faults.X], 0, lambda dy, x: np.full(shape, 2.0) * dy.ravel()[0]))
    assert found.kind == "unknown"
    assert str(shape) in found.sentence


def test_empty_inputs_get_an_answer():
    found = diagnose(evidence(np.tanh, [np.zeros((0, 3))], 0, lambda dy, x: np.zeros(3)))
    assert found.kind == "unknown"


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("sign", lambda dy, x: -2 * x * dy),
        ("zero", lambda dy, x: 0 * x),
        ("scale", lambda dy, x: dy * x),
        ("ignored-upstream", lambda dy, x: 2 * x),
    ],
)
def test_faults_of_one_number(kind, wrong):
    assert diagnose(evidence(np.square, [np.array(1.7)], 0, wrong)).kind == kind


def test_a_backward_that_raises_or_remembers_is_used_once():
    runs = []

    def remembers(dy, x):
        runs.append(1)
        return -dy * np.cos(x) if len(runs) == 1 else np.full(x.shape, float(len(runs)))

    assert diagnose(evidence(np.sin, [faults.X], 0, remembers)).kind == "sign"

    def raises(dy, x):
        if len(runs) > 5:
            raise RuntimeError("cannot run again")
        runs.extend([1] * 6)
        return -dy * np.cos(x)

    runs.clear()
    assert diagnose(evidence(np.sin, [faults.X], 0, raises)).kind == "sign"


def test_structure_of_the_jacobian():
    case = Case(evidence(faults.linear, [faults.X, faults.W, faults.B], 2, lambda dy, x, w, b: dy.mean(0)))
    assert (case.pointwise, case.elementwise) == (True, False)
    assert (case.summed_axes, case.reduced_axes) == ([0], [])
    case = Case(evidence(lambda x: x.mean(1), [faults.X], 0, lambda dy, x: 0 * x))
    assert (case.summed_axes, case.reduced_axes) == ([], [1])
