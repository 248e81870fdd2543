"""Module: what it finds, modes, state, hooks, repr and summary; and the containers."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn


class Net(nn.Module):
    """A parameter, a buffer, a layer, and two layers whose weights are one."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(np.ones(3))
        self.register_buffer("seen", nt.zeros(2))
        self.register_buffer("scratch", nt.zeros(1), persistent=False)
        self.body = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
        self.head = nn.Linear(3, 3)
        self.head.weight = self.body[0].weight
        self.nothing = None

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x * self.scale))


def snapshot(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.array.copy() for name, tensor in module.state_dict().items()}


# What it finds


def test_parameters_and_buffers_are_found_by_dotted_names() -> None:
    net = Net()
    assert net.get_parameter("body.0.weight") is net.body[0].weight
    assert net.get_buffer("body.1.running_mean") is net.body[1].running_mean
    assert net.get_parameter("scale") is net.scale
    assert net.cpu() is net
    for target in ("body.0.running_mean", "nothing", "head.x.weight"):
        with pytest.raises(AttributeError, match="Net has no"):
            net.get_parameter(target)


def test_names_of_parameters_and_buffers_come_in_order_and_tied_ones_once() -> None:
    net = Net()
    names = ["scale", "body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias", "head.bias"]
    assert [n for n, _ in net.named_parameters()] == names
    assert len(list(net.parameters())) == 6
    assert [n for n, _ in net.named_parameters(remove_duplicate=False)] == [*names[:-1], "head.weight", "head.bias"]
    assert [n for n, _ in net.named_parameters(prefix="net", recurse=False)] == ["net.scale"]
    running = ["body.1.running_mean", "body.1.running_var", "body.1.num_batches_tracked"]
    assert [n for n, _ in net.named_buffers()] == ["seen", "scratch", *running]
    assert len(list(net.buffers(recurse=False))) == 2


def test_names_of_modules() -> None:
    net = Net()
    assert [n for n, _ in net.named_modules()] == ["", "body", "body.0", "body.1", "head"]
    assert [n for n, _ in net.named_children()] == ["body", "head"]
    assert net.get_submodule("body.1") is net.body[1]
    assert net.get_submodule("") is net
    with pytest.raises(AttributeError, match=r"no submodule 'body\.7'"):
        net.get_submodule("body.7")
    shared = nn.ReLU()
    assert len(list(nn.Sequential(shared, shared).modules())) == 2


def test_a_deep_stack_is_walked_without_recursion() -> None:
    net: nn.Module = nn.Linear(1, 1)
    for _ in range(2000):
        net = nn.Sequential(net)
    assert len(list(net.parameters())) == 2


def test_attributes_are_registered_replaced_and_deleted() -> None:
    net = Net()
    net.scale = nn.Parameter(np.zeros(3))
    assert net.scale is next(iter(net.parameters()))
    net.scale = None
    assert net.scale is None
    assert "scale" not in net.state_dict()
    net.seen = nt.ones(2)
    assert net.state_dict()["seen"].array.tolist() == [1, 1]
    del net.head
    assert not hasattr(net, "head")
    net.seen = nn.Linear(1, 1)  # a module takes over the name of a buffer
    assert "seen.weight" in net.state_dict()
    assert "seen" not in net.state_dict()
    net.plain = 3
    net.plain = nn.Parameter(np.ones(1))
    assert "plain" in dict(net.named_parameters())
    assert "plain" in dir(net)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("scale", nt.ones(3), "Parameter or None"), ("head", 3, "Module or None"), ("seen", 3.0, "Tensor or None")],
)
def test_a_wrong_kind_of_attribute_is_refused(name: str, value: Any, expected: str) -> None:
    with pytest.raises(TypeError, match=f"{name}: expected a {expected}"):
        setattr(Net(), name, value)


def test_wrong_registrations_are_refused() -> None:
    net = Net()
    with pytest.raises(ValueError, match="name without dots"):
        net.register_parameter("a.b", nn.Parameter(np.ones(1)))
    with pytest.raises(ValueError, match="is a method or attribute of the class"):
        net.register_buffer("forward", nt.ones(1))
    with pytest.raises(TypeError, match="expected a Tensor or None, got ndarray"):
        net.register_buffer("mask", np.ones(1))
    with pytest.raises(TypeError, match="only floating tensors have gradients"):
        nn.Parameter([1, 2])
    assert not nn.Parameter([1, 2], requires_grad=False).requires_grad
    with pytest.raises(AttributeError, match="Net has no attribute 'missing'"):
        net.missing  # noqa: B018
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        nn.Module()(1)


@pytest.mark.parametrize("value", [nn.Linear(2, 2), nn.Parameter(np.ones(2))])
def test_setting_layers_before_init_says_what_to_call(value: Any) -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.layer = value

    with pytest.raises(AttributeError, match=r"call super\(\).__init__\(\) before setting"):
        Forgetful()


# Modes


def test_train_and_eval_reach_every_module() -> None:
    net = Net()
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.body.train()
    assert net.body[1].training
    assert not net.training
    with pytest.raises(TypeError, match="expected True or False"):
        net.train("yes")  # type: ignore[arg-type]


def test_requires_grad_and_zero_grad() -> None:
    net = Net()
    net.requires_grad_(False)
    net.head.bias.requires_grad_()
    net(nt.ones(4, 3)).sum().backward()
    assert [n for n, p in net.named_parameters() if p.grad is not None] == ["head.bias"]
    net.zero_grad(set_to_none=False)
    assert net.head.bias.grad.tolist() == [0, 0, 0]
    net.zero_grad()
    assert net.head.bias.grad is None


def test_apply_visits_what_is_below_first() -> None:
    seen: list[str] = []
    net = Net()
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "BatchNorm1d", "Sequential", "Linear", "Net"]


def test_casting_keeps_identity_ties_and_integers() -> None:
    net = Net()
    before = list(net.parameters())
    net(nt.ones(4, 3)).sum().backward()
    assert net.double() is net
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    assert {p.dtype.name for p in net.parameters()} == {"float64"}
    assert {p.grad.dtype.name for p in net.parameters()} == {"float64"}
    assert net.body[1].running_mean.dtype == np.float64
    assert net.body[1].num_batches_tracked.dtype == np.int64
    assert net.head.weight is net.body[0].weight
    net.to("float32").to("cpu").to(device="cpu")
    assert net.float().scale.dtype == np.float32
    with pytest.raises(TypeError, match="floating dtype, got int64"):
        net.to("int64")
    with pytest.raises(ValueError, match="expected 'cpu' or 'cuda', got 'cuda:7'"):
        net.to("cuda:7")


def test_the_gradient_of_a_tied_weight_is_the_sum_of_both_uses() -> None:
    rng = np.random.default_rng(0)
    w, x = rng.standard_normal((3, 3)), nt.tensor(rng.standard_normal((2, 3)))
    tied = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)).double()
    tied[1].weight = tied[0].weight
    apart = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)).double()
    tied.load_state_dict({"0.weight": w, "1.weight": w})
    apart.load_state_dict({"0.weight": w, "1.weight": w})
    tied(x).sum().backward()
    apart(x).sum().backward()
    both = apart[0].weight.grad + apart[1].weight.grad
    np.testing.assert_allclose(tied[0].weight.grad.array, both.array, rtol=1e-12)


def test_a_deep_copy_shares_nothing_and_keeps_ties() -> None:
    net = Net()
    other = copy.deepcopy(net)
    assert other.head.weight is other.body[0].weight
    other.scale.array[...] = 5
    assert net.scale.tolist() == [1, 1, 1]
    assert other(nt.ones(2, 3)).shape == (2, 3)


# State


def test_state_dict_shares_memory_and_leaves_transient_buffers_out() -> None:
    net = Net()
    state = net.state_dict()
    assert "scratch" not in state
    assert "head.weight" in state, "a tied weight is saved under both names, as PyTorch does"
    assert not state["scale"].requires_grad
    state["scale"].array[0] = 9
    assert net.scale.tolist() == [9, 1, 1]
    assert next(iter(net.state_dict(prefix="net."))) == "net.scale"


def test_loading_restores_every_number_in_the_arrays_that_there_are() -> None:
    saved = snapshot(Net())
    net = Net()
    arrays = [p.array for p in net.parameters()]
    version = net.scale.version
    result = net.load_state_dict(saved)
    assert repr(result) == "<All keys matched successfully>"
    assert all(p.array is a for p, a in zip(net.parameters(), arrays, strict=True))
    assert net.scale.version > version
    for name, value in snapshot(net).items():
        np.testing.assert_array_equal(value, saved[name])
    net.load_state_dict({k: nt.tensor(v) for k, v in saved.items()})


def test_loading_between_forward_and_backward_is_noticed() -> None:
    net = nn.Linear(2, 2)
    x = nt.tensor(np.ones((1, 2), np.float32), requires_grad=True)
    y = net(x).sum()
    net.load_state_dict(snapshot(nn.Linear(2, 2)))
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_state_that_does_not_fit_is_refused_whole() -> None:
    """Every problem is in one message, and nothing has changed."""
    net = Net()
    before = snapshot(net)
    wrong: dict[str, Any] = {k: v + 1 for k, v in before.items() if k != "scale"}
    wrong["body.0.bias"] = np.zeros(4)
    wrong["head.bias"] = np.array(["a", "b", "c"])
    wrong["extra"] = np.zeros(1)
    with pytest.raises(nn.StateDictError) as caught:
        net.load_state_dict(wrong)
    text = str(caught.value)
    for words in (
        "missing: scale",
        "unexpected: extra",
        "body.0.bias: expected shape (3,), got (4,)",
        "head.bias: expected numbers",
    ):
        assert words in text
    assert isinstance(caught.value, RuntimeError)
    for name, value in snapshot(net).items():
        np.testing.assert_array_equal(value, before[name], err_msg=f"{name} was changed")


def test_loading_without_strict_reports_the_rest_and_still_refuses_shapes() -> None:
    net = nn.Linear(2, 3)
    result = net.load_state_dict({"weight": np.ones((3, 2)), "other": np.ones(1)}, strict=False)
    assert result.missing_keys == ["bias"]
    assert result.unexpected_keys == ["other"]
    assert "other" in repr(result)
    assert np.all(net.weight.array == 1)
    with pytest.raises(nn.StateDictError, match=r"expected shape \(3, 2\), got \(2, 3\)"):
        net.load_state_dict({"weight": np.zeros((2, 3))}, strict=False)
    with pytest.raises(TypeError, match="expected a mapping"):
        net.load_state_dict([1, 2])  # type: ignore[arg-type]


def test_a_state_goes_through_safetensors_to_pytorch_and_back(tmp_path: Any) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.numpy import load_file, save_file
    from safetensors.torch import load_file as torch_load
    from safetensors.torch import save_file as torch_save

    ours = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )
    saved = snapshot(ours)
    save_file(saved, tmp_path / "a.safetensors")
    theirs.load_state_dict(torch_load(tmp_path / "a.safetensors"))
    torch_save(theirs.state_dict(), tmp_path / "b.safetensors")
    other = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    other.load_state_dict(load_file(tmp_path / "b.safetensors"))
    for name, value in snapshot(other).items():
        np.testing.assert_array_equal(value, saved[name])
        assert value.dtype == saved[name].dtype


# Hooks


def test_forward_hooks_see_and_replace() -> None:
    net, log = nn.Linear(2, 2), []
    pre = net.register_forward_pre_hook(lambda m, args: log.append("pre") or (args[0] * 2,))
    post = net.register_forward_hook(lambda m, args, y: log.append(args[0].tolist()) or y * 0)
    assert net(nt.ones(1, 2)).tolist() == [[0, 0]]
    assert log == ["pre", [[2, 2]]]
    post.remove()
    post.remove()
    pre.remove()
    assert net(nt.ones(1, 2)).tolist() != [[0, 0]]
    assert len(log) == 2
    with net.register_forward_hook(lambda m, args, y: log.append("inside")):
        net(nt.ones(1, 2))
    net(nt.ones(1, 2))
    assert log[2:] == ["inside"]
    with pytest.raises(TypeError, match="expected a function"):
        net.register_forward_hook(3)  # type: ignore[arg-type]


def test_a_backward_hook_sees_the_gradients_of_this_module_alone() -> None:
    """x also goes past the module; grad_input holds only what came through it."""
    net, seen = nn.Linear(2, 1, bias=False), []
    net.register_full_backward_hook(lambda m, dx, dy: seen.append((dx, dy[0].tolist())))
    net.load_state_dict({"weight": np.array([[2.0, 3.0]])})
    x = nt.tensor([[1.0, 1.0]], requires_grad=True)
    (net(x).sum() * 5 + x.sum()).backward()
    assert seen[0][0][0].tolist() == [[10, 15]]
    assert seen[0][1] == [[5]]
    assert x.grad.tolist() == [[11, 16]]
    net(nt.ones(1, 2)).sum().backward()  # the input wants no gradient
    assert seen[1:] == [((None,), [[1]])]


def test_a_backward_hook_may_replace_the_gradient_of_a_single_input() -> None:
    net = nn.Linear(2, 1)
    net.register_full_backward_hook(lambda m, dx, dy: (dx[0] * 0,))
    x = nt.tensor([[1.0, 1.0]], requires_grad=True)
    net(x).sum().backward()
    assert x.grad.tolist() == [[0, 0]]
    two = nn.Bilinear(2, 2, 1)
    two.register_full_backward_hook(lambda m, dx, dy: (dx[0] * 0, dx[1] * 0))
    with pytest.raises(ValueError, match="only the gradient of a module's single input"):
        two(x, x * 2).sum().backward()


# repr and summary


def test_repr_equals_pytorchs() -> None:
    torch = pytest.importorskip("torch")

    def build(lib: Any) -> Any:
        layers = OrderedDict(first=lib.Linear(2, 3), act=lib.ReLU())
        blocks = lib.ModuleList([lib.Linear(2, 2), lib.Linear(2, 2), lib.Sequential(lib.Tanh())])
        return lib.ModuleDict({"a": lib.Sequential(layers), "b": blocks, "c": lib.ModuleList(), "d": lib.Sequential()})

    assert repr(build(nn)) == repr(build(torch.nn))


def test_summary_shows_shapes_counts_and_totals() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 36, 10))
    net[0].requires_grad_(False)
    net[1].eval()
    text = net.summary((2, 1, 8, 8))
    lines = text.split("\n")
    assert lines[0].split() == ["layer", "output", "shape", "parameters"]
    assert "(2, 4, 6, 6)" in lines[3]
    assert lines[3].split()[-1] == "40"
    assert lines[6].split()[:2] == ["Linear", "(3)"]
    assert lines[6].split()[-1] == "1,450"
    assert "parameters: 1,490 (trained 1,450, fixed 40)" in lines[-1]
    assert len({len(line) for line in lines[2:7]}) == 1, "columns are aligned"
    assert repr(text) == text
    assert [m.training for m in net.modules()] == [True, True, False, True, True], "the modes are put back"
    assert net._hooks is None or not net._hooks.after


def test_summary_takes_examples_and_counts_tied_weights_once() -> None:
    net = nn.Embedding(5, 3)
    assert "(2, 4, 3)" in net.summary(nt.tensor(np.zeros((2, 4), np.int64)))
    pair = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    pair[1].weight = pair[0].weight
    assert "parameters: 15 (trained 15, fixed 0)" in pair.summary(np.ones((1, 3), np.float32))
    lstm = nn.LSTM(3, 2)
    assert "[(4, 1, 2), [(1, 1, 2), (1, 1, 2)]]" in lstm.summary((4, 1, 3))


def test_a_failing_summary_leaves_no_hooks_and_modes_behind() -> None:
    net = nn.Sequential(nn.Linear(3, 3))
    with pytest.raises(ValueError, match="linear"):
        net.summary((2, 4))
    assert net.training
    assert not net[0]._hooks.after


# Containers


def test_sequential_indexes_slices_and_changes() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(net) == 3
    assert net[-1] is net[2]
    assert isinstance(net[:2], nn.Sequential)
    assert list(net[1:]) == [net[1], net[2]]
    assert net[1:][0] is net[1]
    net[1] = nn.Tanh()
    net.append(nn.Sigmoid()).insert(0, nn.Identity()).extend([nn.ReLU()])
    assert [type(m).__name__ for m in net] == ["Identity", "Linear", "Tanh", "Linear", "Sigmoid", "ReLU"]
    del net[0]
    assert [n for n, _ in net.named_children()] == ["0", "1", "2", "3", "4"]
    assert net(nt.ones(5, 2)).shape == (5, 1)
    with pytest.raises(IndexError, match="from -5 to 4, got 5"):
        net[5]
    named = nn.Sequential(OrderedDict(first=nn.Linear(2, 2), second=nn.ReLU()))
    assert named.first is named[0]
    assert list(named.state_dict()) == ["first.weight", "first.bias"]
    del named[0]
    assert [n for n, _ in named.named_children()] == ["second"]
    with pytest.raises(TypeError, match="expected a Module"):
        nn.Sequential(3)


def test_lists_of_modules_are_joined_and_give_up_members() -> None:
    a, b = nn.Sequential(nn.Linear(3, 2), nn.ReLU()), nn.Sequential(nn.Linear(2, 1))
    both = a + b
    assert isinstance(both, nn.Sequential)
    assert [*both] == [*a, *b]
    layers = nn.ModuleList([nn.ReLU()])
    layers += [nn.Tanh(), nn.Sigmoid()]
    assert repr(layers.pop(1)) == "Tanh()"
    assert list(layers._modules) == ["0", "1"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Linear(-1, 3), ValueError, r"whole numbers of at least 0 as sizes, got \(3, -1\)"),
        (lambda: nn.Conv2d(2, 4, 2.5), ValueError, "kernel_size: expected an integer or 2 of them, got 2.5"),
        (lambda: nn.Embedding(3, "2"), ValueError, r"whole numbers of at least 0 as sizes, got \(3, '2'\)"),
        (lambda: nn.Linear(2, 3, dtype=np.int64), TypeError, "expected a floating dtype, got int64"),
    ],
)
def test_impossible_sizes_and_dtypes_are_named(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_module_list_and_dict() -> None:
    many = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    assert len(many[1:]) == 2
    assert len(many + [nn.ReLU()]) == 4  # noqa: RUF005
    assert len(list(many.parameters())) == 6
    many[0] = nn.ReLU()
    del many[1:]
    assert len(many) == 1
    named = nn.ModuleDict({"a": nn.ReLU()})
    named["b"] = nn.Linear(1, 1)
    assert list(named) == ["a", "b"]
    assert "b" in named
    assert isinstance(named.pop("a"), nn.ReLU)
    assert list(named.keys()) == ["b"]
    assert [n for n, _ in named.items()] == ["b"]
    assert len(list(named.values())) == 1
    with pytest.raises(KeyError, match="expected one of b, got 'c'"):
        named["c"]
    named.clear()
    assert len(named) == 0
    values = nn.ParameterList([nn.Parameter(np.ones(2)), nt.zeros(3)])
    values[0] = np.zeros(4)
    assert [p.shape for p in values] == [(4,), (3,)]
    assert list(values.state_dict()) == ["0", "1"]


def test_fit_before_compile_says_what_to_call() -> None:
    for name in ("fit", "evaluate", "predict"):
        with pytest.raises(RuntimeError, match="call compile"):
            getattr(nn.Sequential(nn.Linear(1, 1)), name)(1, 2)


def test_compile_fit_evaluate_predict_are_the_trainers(monkeypatch: pytest.MonkeyPatch) -> None:
    import nanonet.training

    class Recorder:
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.made = (args, kwargs)

        def fit(self, *args: Any, **kwargs: Any) -> Any:
            return "fit", args, kwargs

        def evaluate(self, *args: Any, **kwargs: Any) -> Any:
            return "evaluate", args, kwargs

        def predict(self, *args: Any, **kwargs: Any) -> Any:
            return "predict", args, kwargs

    monkeypatch.setattr(nanonet.training, "Trainer", Recorder, raising=False)
    net = nn.Sequential(nn.Linear(1, 1))
    assert net.compile("sgd", "mse", (), clip=1) is net
    assert net.trainer.made == ((net, "sgd", "mse", ()), {"clip": 1})
    assert net.fit(1, y=2) == ("fit", (1,), {"y": 2})
    assert net.evaluate(3) == ("evaluate", (3,), {})
    assert net.predict(4) == ("predict", (4,), {})
