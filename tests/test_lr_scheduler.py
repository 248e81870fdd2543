"""Schedules: the sequence of rates is PyTorch's."""

import json
import warnings

import pytest

import nanonet as nt
from nanonet import optim
from nanonet.optim import lr_scheduler

SCHEDULES = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [8, 3, 3], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 7}),
    ("CosineAnnealingLR", {"T_max": 5, "eta_min": 0.01}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.8, "total_iters": 8}),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}),
    ("LambdaLR", {"lr_lambda": [lambda t: 0.5**t, lambda t: 2.0]}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 25}),
    ("OneCycleLR", {"max_lr": [0.3, 0.4], "epochs": 5, "steps_per_epoch": 5, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 25, "three_phase": True, "pct_start": 0.4}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 25, "cycle_momentum": False, "final_div_factor": 10}),
]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(SCHEDULES)]


def pair(name="Adam"):
    """An optimizer of ours and PyTorch's, both with two groups."""
    torch = pytest.importorskip("torch")
    warnings.filterwarnings("ignore", category=UserWarning)  # about stepping a schedule before the optimizer
    made = []
    for tensor, module in ((nt.zeros, optim), (torch.zeros, torch.optim)):
        a, b = tensor(1, requires_grad=True), tensor(1, requires_grad=True)
        made.append(getattr(module, name)([{"params": [a]}, {"params": [b], "lr": 0.05}], lr=0.1))
    return made


def options(optimizer):
    return [(g["lr"], *g.get("betas", ()), g.get("momentum", 0)) for g in optimizer.param_groups]


def same(ours, theirs):
    for a, b in zip(options(ours), options(theirs), strict=True):
        assert a == pytest.approx(b, rel=1e-12, abs=1e-18)


@pytest.mark.parametrize("optimizer", ["Adam", "SGD"])
@pytest.mark.parametrize(("name", "arguments"), SCHEDULES, ids=IDS)
def test_rates_equal_pytorchs(name, arguments, optimizer):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(optimizer)
    mine = getattr(lr_scheduler, name)(ours, **arguments)
    peer = getattr(torch.optim.lr_scheduler, name)(theirs, **arguments)
    same(ours, theirs)
    for _ in range(24):
        mine.step()
        peer.step()
        same(ours, theirs)
        assert mine.get_last_lr() == pytest.approx(peer.get_last_lr(), rel=1e-12, abs=1e-18)


def test_two_schedules_together_equal_pytorchs():
    torch = pytest.importorskip("torch")
    ours, theirs = pair()
    both = []
    for optimizer, module in ((ours, lr_scheduler), (theirs, torch.optim.lr_scheduler)):
        both.append([module.LinearLR(optimizer, 0.2, total_iters=4), module.ExponentialLR(optimizer, 0.8)])
    for _ in range(10):
        for schedules in both:
            for schedule in schedules:
                schedule.step()
        same(ours, theirs)


def test_sequential_equals_pytorchs():
    torch = pytest.importorskip("torch")
    ours, theirs = pair()

    def build(optimizer, module):
        parts = [
            module.LinearLR(optimizer, 0.1, total_iters=4),
            module.CosineAnnealingLR(optimizer, 6),
            module.ExponentialLR(optimizer, 0.5),
        ]
        return module.SequentialLR(optimizer, parts, [4, 9])

    mine, peer = build(ours, lr_scheduler), build(theirs, torch.optim.lr_scheduler)
    same(ours, theirs)
    for _ in range(14):
        mine.step()
        peer.step()
        same(ours, theirs)


@pytest.mark.parametrize(
    "arguments",
    [
        {"patience": 1},
        {"mode": "max", "patience": 0, "factor": 0.5, "cooldown": 2},
        {"patience": 0, "threshold_mode": "abs", "threshold": 0.05, "min_lr": [0.01, 0.02]},
        {"mode": "max", "patience": 2, "threshold_mode": "abs"},
    ],
)
def test_plateau_equals_pytorchs(arguments):
    torch = pytest.importorskip("torch")
    ours, theirs = pair()
    mine = lr_scheduler.ReduceLROnPlateau(ours, **arguments)
    peer = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **arguments)
    for figure in [1.0, 0.9, 0.91, 0.92, 0.89, 0.889, 0.889, 0.8, 0.9, float("nan"), 0.7, 0.7, 0.7, 0.7, 0.7]:
        mine.step(figure)
        peer.step(figure)
        same(ours, theirs)


@pytest.mark.parametrize(("name", "arguments"), [*SCHEDULES, ("ReduceLROnPlateau", {"patience": 1})])
def test_state_goes_through_json_and_on(name, arguments):
    def build():
        a, b = nt.zeros(1, requires_grad=True), nt.zeros(1, requires_grad=True)
        optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.05}], lr=0.1, momentum=0.5)
        return optimizer, getattr(lr_scheduler, name)(optimizer, **arguments)

    def step(schedule):
        schedule.step(1.0) if name == "ReduceLROnPlateau" else schedule.step()

    straight, schedule = build()
    for _ in range(5):
        step(schedule)
    resumed, again = build()
    resumed.load_state_dict(json.loads(json.dumps(straight.state_dict())))
    again.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    for _ in range(7):
        step(schedule)
        step(again)
        assert options(straight) == options(resumed)


def test_sequential_state_goes_through_json_and_on():
    def build():
        optimizer = optim.SGD([nt.zeros(1, requires_grad=True)], lr=0.1)
        parts = [lr_scheduler.LinearLR(optimizer, 0.1), lr_scheduler.StepLR(optimizer, 2)]
        return optimizer, lr_scheduler.SequentialLR(optimizer, parts, [3])

    straight, schedule = build()
    for _ in range(4):
        schedule.step()
    resumed, again = build()
    resumed.load_state_dict(json.loads(json.dumps(straight.state_dict())))
    again.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    for _ in range(5):
        schedule.step()
        again.step()
        assert options(straight) == options(resumed)


def adam():
    return optim.Adam([nt.zeros(1, requires_grad=True)])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: lr_scheduler.StepLR(None, 3), TypeError, "expected an Optimizer"),
        (lambda: lr_scheduler.StepLR(adam(), 0), ValueError, "step_size"),
        (lambda: lr_scheduler.LinearLR(adam(), 0.0), ValueError, "start_factor"),
        (lambda: lr_scheduler.LinearLR(adam(), 0.5, 2.0), ValueError, "end_factor"),
        (lambda: lr_scheduler.CosineAnnealingLR(adam(), 0), ValueError, "T_max"),
        (lambda: lr_scheduler.LambdaLR(adam(), [len, len]), ValueError, "1 functions"),
        (lambda: lr_scheduler.OneCycleLR(adam(), 0.1), ValueError, "total_steps"),
        (lambda: lr_scheduler.OneCycleLR(adam(), 0.1, 10, pct_start=2.0), ValueError, "pct_start"),
        (lambda: lr_scheduler.OneCycleLR(adam(), [0.1, 0.2], 10), ValueError, "1 values"),
        (lambda: lr_scheduler.OneCycleLR(adam(), 0.1, 10, anneal_strategy="sine"), ValueError, "anneal_strategy"),
        (
            lambda: lr_scheduler.OneCycleLR(optim.Adagrad([nt.zeros(1, requires_grad=True)]), 0.1, 9),
            ValueError,
            "momentum",
        ),
        (lambda: lr_scheduler.ReduceLROnPlateau(adam(), factor=1.0), ValueError, "factor"),
        (lambda: lr_scheduler.ReduceLROnPlateau(adam(), mode="best"), ValueError, "mode"),
        (lambda: lr_scheduler.SequentialLR(adam(), [], []), ValueError, "milestone"),
        (lambda: lr_scheduler.ExponentialLR(adam(), 0.5, last_epoch=3), KeyError, "initial_lr"),
        (lambda: lr_scheduler.StepLR(adam(), 2).load_state_dict({"gamma": 1}), ValueError, "another schedule"),
    ],
)
def test_mistakes_get_one_clear_line(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_stepping_past_the_cycle_is_refused():
    schedule = lr_scheduler.OneCycleLR(adam(), 0.1, total_steps=2)
    for _ in range(2):
        schedule.step()
    with pytest.raises(ValueError, match="cycle of 2 steps"):
        schedule.step()
