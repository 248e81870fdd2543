"""The MLP keeps what is promised of every network."""

from tests import model_promises as promise


def test_overfits_one_batch():
    promise.overfits(promise.make("mlp"), steps=100, below=0.01)


def test_the_same_seed_gives_the_same_figures():
    promise.repeats("mlp", steps=20)


def test_a_stopped_run_goes_on(tmp_path):
    promise.resumes("mlp", steps=60, folder=tmp_path, dropout=0.1)


def test_agrees_with_its_twin():
    promise.agrees("mlp")


def test_weights_travel_losslessly():
    promise.travels_losslessly("mlp")


def test_numba_computes_the_same():
    promise.same_on_numba("mlp")
