"""Feature maps, saliency, Grad-CAM and occlusion, on networks whose answer is known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from cnn_course.data import load
from cnn_course.inspection import attribution, feature_maps, grad_cam, occlusion, saliency
from cnn_course.models import GlobalPoolCNN, LeNet5, ModernCNN, load_pretrained

ROWS, COLUMNS = slice(2, 4), slice(3, 6)


class Window(nn.Module):
    """Two logits: the mean of a window of channel 1, and 3 less twice that."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Identity()

    def forward(self, x):
        mean = self.maps(x)[:, 1, ROWS, COLUMNS].mean((1, 2))
        return torch.stack([mean, 3 - 2 * mean], 1)


def images(count=2, channels=3, height=6, width=9):
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(5))


def linear(channels=3, height=6, width=9):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, 4))


def small(pool=nn.Identity, inplace=False):
    """A convolution, a ReLU, `pool`, and a linear layer on 3×4 maps or, without, on 6×8 ones."""
    layers = [nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(inplace), pool()]
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(4))


def modern():
    """Small, with the statistics of batch normalization no longer those of its start."""
    torch.manual_seed(2)
    model = ModernCNN(num_classes=5, stem=4, widths=(6, 8), depths=(1, 1))
    for _ in range(3):
        model(torch.rand(4, 3, 12, 16))
    return model


CALLS = {
    "feature_maps": lambda model, x: feature_maps(model, x, "layers.6.body.0.0"),
    "saliency": saliency,
    "grad_cam": lambda model, x: grad_cam(model, x, "layers.10"),
    "occlusion": lambda model, x: occlusion(model, x, 3, stride=4),
}
each = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


# --- feature maps


@pytest.mark.parametrize(
    ("model", "shape", "name", "part"),
    [
        (LeNet5(), (1, 28, 28), "layers.4", lambda m: m.layers[:5]),
        (LeNet5.published(), (1, 28, 28), "layers.4", lambda m: m.layers[:5]),
        (LeNet5(), (1, 28, 28), "layers.2", lambda m: m.layers[:3]),
        (modern(), (3, 12, 16), "layers.0", lambda m: m.layers[:1]),
        (modern(), (3, 12, 16), "layers.6", lambda m: m.layers[:7]),
        (
            modern(),
            (3, 12, 16),
            "layers.10.body.4.1",
            lambda m: nn.Sequential(m.layers[:10], m.layers[10].body),
        ),
        (
            modern(),
            (3, 12, 16),
            "layers.6.body.0",
            lambda m: nn.Sequential(m.layers[:6], m.layers[6].body[0]),
        ),
    ],
)
def test_feature_maps_are_those_of_the_first_layers(model, shape, name, part):
    x = images(3, *shape)
    with torch.no_grad():
        expected = part(model.eval())(x)
    torch.testing.assert_close(feature_maps(model, x, name), expected)
    torch.testing.assert_close(feature_maps(model, x, model.get_submodule(name)), expected)


@pytest.mark.parametrize("name", ["", "(model)"])
def test_the_model_itself_is_a_layer(name):
    conv = nn.Conv2d(3, 2, 3)
    torch.testing.assert_close(feature_maps(conv, images(), name), conv(images()).detach())


class TwoNames(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = self.second = nn.Conv2d(3, 2, 3)

    def forward(self, x):
        return self.first(x)


def test_a_layer_with_two_names_is_known_by_both():
    model = TwoNames()
    first, second = (feature_maps(model, images(), name) for name in ("first", "second"))
    assert torch.equal(first, second)


def test_a_relu_in_place_does_not_change_the_maps_before_it():
    model = small(inplace=True)
    model(images())
    torch.testing.assert_close(feature_maps(model, images(), "0"), model[0](images()).detach())
    assert (feature_maps(model, images(), "0") < 0).any()


# --- saliency


@pytest.mark.parametrize(("target", "size"), [(0, 1 / 6), (1, 2 / 6), (None, 2 / 6)])
def test_saliency_is_the_windows_weight(target, size):
    expected = torch.zeros(2, 6, 9)
    expected[:, ROWS, COLUMNS] = size
    torch.testing.assert_close(saliency(Window(), images(), target), expected)


def test_saliency_of_a_linear_network_is_its_largest_weight():
    model = linear()
    weight = model[1].weight.detach().view(4, 3, 6, 9)
    expected = weight.abs().amax(1)[[3, 0]]
    torch.testing.assert_close(saliency(model, images(), [3, 0]), expected)


def test_saliency_is_what_a_small_step_changes():
    model, x = modern().eval().double(), images(1, 3, 12, 16).double()
    found = saliency(model, x, target=2)[0, 5, 7]
    steps = torch.zeros(6, 3, 12, 16, dtype=torch.double)
    for channel in range(3):
        steps[[channel, channel + 3], channel, 5, 7] = torch.tensor([1e-6, -1e-6]).double()
    with torch.no_grad():
        high, low = model(x + steps)[:, 2].view(2, 3)
    torch.testing.assert_close(found, ((high - low) / 2e-6).abs().max(), rtol=1e-4, atol=1e-7)


# --- Grad-CAM


def test_grad_cam_of_the_window_is_its_whole_channel():
    """The mean over the map forgets where the gradient was."""
    x = images() - 0.5
    channel = x[:, 1].relu()
    heat = grad_cam(Window(), x, "maps", target=0, normalize=False)
    torch.testing.assert_close(heat, channel / (6 * 9))
    heat = grad_cam(Window(), x, "maps", target=0)
    torch.testing.assert_close(heat, channel / channel.amax((1, 2), keepdim=True))


@pytest.mark.parametrize("inplace", [False, True])
def test_grad_cam_is_the_calculation_by_hand(inplace):
    model, x = small(inplace=inplace), images()
    with torch.no_grad():
        maps = model[0](x)
        model(x.clone())
    weight = model[-1].weight.detach().view(4, 5, 6, 9)
    for name, gradient, its_maps in [
        ("0", weight[3] * (maps > 0), maps),
        ("1", weight[3].expand(2, 5, 6, 9), maps.relu()),
    ]:
        heat = sum(gradient[:, k].mean((1, 2))[:, None, None] * its_maps[:, k] for k in range(5))
        heat = heat.relu()
        torch.testing.assert_close(grad_cam(model, x, name, 3, normalize=False), heat)
        torch.testing.assert_close(
            grad_cam(model, x, name, 3), heat / heat.amax((1, 2), keepdim=True)
        )


def test_a_small_map_is_interpolated():
    model, x = small(lambda: nn.MaxPool2d(2)), images(2, 3, 6, 8)
    with torch.no_grad():
        maps = model[:3](x)
        model(x)
    weight = model[-1].weight.detach().view(4, 5, 3, 4)[1].mean((1, 2))
    heat = torch.einsum("k,nkij->nij", weight, maps).relu()
    expected = F.interpolate(heat[:, None], (6, 8), mode="bilinear")[:, 0]
    torch.testing.assert_close(grad_cam(model, x, "2", 1, normalize=False), expected)


@pytest.mark.parametrize(
    ("model", "shape", "last"),
    [(GlobalPoolCNN(), (1, 28, 20), "layers.8"), (modern(), (3, 12, 16), "layers.10")],
)
def test_before_a_global_average_it_is_class_activation_mapping(model, shape, last):
    x = images(2, *shape)
    maps = feature_maps(model, x, last)
    height, width = maps.shape[2:]
    for target in range(4):
        cam = torch.einsum("k,nkij->nij", model.layers[-1].weight[target].detach(), maps)
        cam = F.interpolate(cam.relu()[:, None], shape[1:], mode="bilinear")[:, 0]
        heat = grad_cam(model, x, last, target, normalize=False)
        torch.testing.assert_close(heat, cam / (height * width))


def test_the_positions_add_up_to_the_logit():
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    model.append(nn.Linear(5, 4))
    nn.init.uniform_(model[-1].weight, 0, 1)  # so that nothing is negative
    heat = grad_cam(model, images(), "1", target=2, normalize=False)
    logit = model(images())[:, 2].detach() - model[-1].bias[2].detach()
    torch.testing.assert_close(heat.sum((1, 2)), logit)


def test_the_heat_lies_where_the_cause_lies():
    x = torch.zeros(1, 1, 12, 20)
    x[0, 0, 4:8, 12:16] = 1
    model = nn.Sequential(nn.AvgPool2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    heat = grad_cam(model, x, "0")
    assert heat.max() == 1
    assert set(map(tuple, (heat[0] == 1).nonzero().tolist())) <= {
        (i, j) for i in range(4, 8) for j in range(12, 16)
    }
    assert heat[0, :2].max() == heat[0, :, :10].max() == 0


def test_where_nothing_speaks_for_the_class_the_heat_is_0():
    heat = grad_cam(Window(), images(), "maps", target=1)
    assert heat.shape == (2, 6, 9)
    assert (heat == 0).all()


# --- occlusion


def test_one_pixel_of_a_linear_network_is_worth_its_weight():
    model, x, value = linear(), images(), torch.tensor([0.2, 0.5, 0.9])
    weight = model[1].weight.detach().view(4, 3, 6, 9)[2]
    for fill in (0.0, 0.3, value):
        lost = occlusion(model, x, side=1, value=fill, target=2, of="logit")
        black = torch.as_tensor(fill).view(-1, 1, 1)
        torch.testing.assert_close(lost, (weight * (x - black)).sum(1), atol=1e-6, rtol=1e-4)


@settings(max_examples=60)
@given(st.data())
def test_the_square_takes_what_it_covers_of_the_window(data):
    side, stride = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 10))
    at_once = data.draw(st.sampled_from([1, 60, 200, 10**9]))
    x, value = images(), data.draw(st.sampled_from([0.0, 0.5]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attribution, "AT_ONCE", at_once)
        lost = occlusion(Window(), x, side, stride, value, target=0, of="logit")
    assert lost.shape == (2, -(-6 // stride), -(-9 // stride))
    for a, i in enumerate(range(0, 6, stride)):
        for b, j in enumerate(range(0, 9, stride)):
            pixels = [
                (r, c)
                for r in range(2, 4)
                for c in range(3, 6)
                if 0 <= r - (i - side // 2) < side and 0 <= c - (j - side // 2) < side
            ]
            expected = sum((x[:, 1, r, c] - value for r, c in pixels), torch.zeros(2)) / 6
            torch.testing.assert_close(lost[:, a, b], expected, atol=1e-6, rtol=1e-5)


def test_it_is_the_probability_that_chapter_04_computes():
    lenet, digit = load_pretrained("lenet5"), load("mnist-sample", "test").images[3:4] / 255
    covered = digit.repeat(28 * 28, 1, 1, 1)
    for n in range(28 * 28):
        i, j = divmod(n, 28)
        covered[n, :, max(0, i - 3) : i + 4, max(0, j - 3) : j + 4] = 0
    with torch.no_grad():
        left = lenet.eval()(covered).softmax(1).view(28, 28, 10)
        before = lenet(digit).softmax(1)[0]
    answer = before.argmax()
    lost = occlusion(lenet, digit)[0]
    torch.testing.assert_close(lost, before[answer] - left[:, :, answer], atol=1e-5, rtol=0)
    torch.testing.assert_close(occlusion(lenet, digit, stride=5)[0], lost[::5, ::5])
    assert lost.max() > 0.1


# --- all of them


@each
def test_one_image_gives_what_it_gives_among_others(call):
    model, x = modern(), images(3, 3, 12, 16)
    together = call(model, x)
    for n in range(3):
        torch.testing.assert_close(call(model, x[n : n + 1])[0], together[n], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("name", ["saliency", "grad_cam", "occlusion"])
def test_the_target_is_the_predicted_class_one_class_or_one_for_each_image(name):
    model, x = modern().eval(), images(3, 3, 12, 16)
    call = {
        "saliency": lambda x, t: saliency(model, x, t),
        "grad_cam": lambda x, t: grad_cam(model, x, "layers.6", t),
        "occlusion": lambda x, t: occlusion(model, x, 3, stride=4, target=t),
    }[name]
    by_class = torch.stack([call(x, t) for t in range(5)])
    assert not torch.equal(by_class[0], by_class[1])
    answers = model(x).argmax(1)
    images_in_order = torch.arange(3)
    torch.testing.assert_close(call(x, None), by_class[answers, images_in_order])
    for target in ([4, 0, 2], torch.tensor([4, 0, 2]), torch.tensor([4, 0, 2]).numpy()):
        torch.testing.assert_close(call(x, target), by_class[[4, 0, 2], images_in_order])


@each
@pytest.mark.parametrize("frozen", [False, True])
def test_the_model_and_the_images_are_left_as_they_were(call, frozen):
    model, x = modern().requires_grad_(not frozen), images(2, 3, 12, 16)
    model.train()
    model.layers[6].eval()
    model.layers[11].register_forward_hook(lambda *_: None)  # the reader's own stays
    for p in model.parameters():
        p.grad = torch.full_like(p, 7)
    modes = [layer.training for layer in model.modules()]
    values = {name: value.clone() for name, value in model.state_dict().items()}
    before, random = x.clone(), torch.get_rng_state()
    result = call(model, x)
    assert [layer.training for layer in model.modules()] == modes
    assert all(torch.equal(value, values[name]) for name, value in model.state_dict().items())
    assert all(p.requires_grad is not frozen and (p.grad == 7).all() for p in model.parameters())
    assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()) == 1
    assert torch.equal(x, before)
    assert x.grad is None
    assert not x.requires_grad
    assert not result.requires_grad
    assert torch.equal(torch.get_rng_state(), random)
    torch.testing.assert_close(result, call(model.eval(), x))


@each
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_they_work_where_no_gradients_are_asked_for(call, mode):
    model = modern()
    expected = call(model, images(2, 3, 12, 16))
    with mode():
        torch.testing.assert_close(call(model, images(2, 3, 12, 16)), expected)
        assert torch.is_inference_mode_enabled() is (mode is torch.inference_mode)


@each
def test_images_that_ask_for_gradients_are_as_good(call):
    x = images(2, 3, 12, 16).requires_grad_()
    torch.testing.assert_close(call(modern(), x), call(modern(), x.detach()))
    assert x.grad is None


@each
def test_the_type_is_the_models(call):
    x = images(2, 3, 12, 16)
    exact = call(modern().double(), x)
    assert exact.dtype == torch.float64
    torch.testing.assert_close(call(modern(), x).double(), exact, atol=1e-4, rtol=1e-3)


class InPlace(nn.Module):
    """Its first step may change the tensor that it is given."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.rest, self.inplace = nn.Identity(), nn.Conv2d(3, 4, 3), True

    def forward(self, x):
        x = self.first(x.mul_(0.5) if self.inplace else x * 0.5)
        return self.rest(x).mean((2, 3))


@pytest.mark.parametrize(
    "call",
    [
        saliency,
        lambda model, x: occlusion(model, x, 1, target=0, of="logit"),
        lambda model, x: grad_cam(model, x, "rest"),
        lambda model, x: feature_maps(model, x, "first"),
    ],
)
def test_a_network_that_works_in_place_leaves_the_images(call):
    model, x = InPlace(), images()
    found = call(model, x)
    assert torch.equal(x, images())
    model.inplace = False
    torch.testing.assert_close(found, call(model, x))


@each
def test_hooks_go_and_modes_return_when_the_model_raises(call):
    model = modern()
    with pytest.raises(ValueError, match=r"takes images with 3 channel.* shape \(2, 5, 12, 16\)"):
        call(model, images(2, 5, 12, 16))
    assert all(layer.training for layer in model.modules())
    assert not any(m._forward_hooks for m in model.modules())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@each
def test_results_lie_where_the_images_lie(call):
    model, x = modern(), images(2, 3, 12, 16)
    expected = call(model, x)
    model.cuda()
    for place in ("cpu", "cuda"):
        found = call(model, x.to(place))
        assert found.device.type == place
        torch.testing.assert_close(found.cpu(), expected, atol=1e-3, rtol=1e-2)


# --- what does not fit


class Odd(nn.Module):
    """A layer called twice, one never called, one that gives a pair, one whose map is not used."""

    def __init__(self):
        super().__init__()
        self.twice = nn.Conv2d(3, 3, 3, padding=1)
        self.never = nn.Conv2d(3, 3, 3)
        self.pair = nn.MaxPool2d(2, return_indices=True)
        self.aside = nn.Conv2d(3, 3, 3)
        self.cut = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        self.aside(x)
        with torch.no_grad():
            x = x + self.cut(x).mean()
        return self.pair(self.twice(self.twice(x)))[0].mean((2, 3))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: saliency(linear(), images()[0]), r"shape \(3, 6, 9\); give .* image\[None\]"),
        (lambda: saliency(linear(), images()[:0]), r"shape \(0, 3, 6, 9\); give"),
        (lambda: saliency(linear(), images().numpy()), "images is a ndarray of shape .*tensor"),
        (lambda: saliency(linear(), [1, 2]), "images is a list of shape"),
        (lambda: saliency(linear(), images().byte()), r"torch.uint8; give .* images / 255"),
        (lambda: saliency(linear(), images(), 4), "target=4: the model has classes 0 to 3"),
        (lambda: saliency(linear(), images(), -1), "target=-1: the model has classes"),
        (lambda: saliency(linear(), images(), [0, 9]), "target=9: the model has classes"),
        (lambda: saliency(linear(), images(), 1.5), "target=1.5: the model has classes"),
        (lambda: saliency(linear(), images(), "cat"), "target='cat': give the number of a class"),
        (lambda: saliency(linear(), images(), ["cat", "cup"]), r"target=\['cat', 'cup'\]: give"),
        (lambda: saliency(linear(), images(), [0, 1, 2]), "one for each of the 2 images"),
        (
            lambda: saliency(linear(), images(), torch.zeros(3).long()),
            r"target of shape \(3,\): give",
        ),
        (lambda: saliency(nn.Conv2d(3, 2, 3), images()), r"shape \(2, 2, 4, 7\).*logits"),
        (lambda: saliency(nn.MaxPool2d(2, return_indices=True), images()), r"shape \(\).*logits"),
        (lambda: occlusion(nn.Conv2d(3, 2, 3), images(), 3), "give a model with logits"),
        (lambda: grad_cam(nn.Conv2d(3, 2, 3), images(), ""), "give a model with logits"),
        (lambda: occlusion(linear(), images(), 7), "side=7: give a square .* of 6×9"),
        (lambda: occlusion(linear(), images(), 0), "side=0: occlusion needs 1 or more"),
        (lambda: occlusion(linear(), images(), 2.5), "side=2.5: give a whole number"),
        (lambda: occlusion(linear(), images(), 3, 0), "stride=0"),
        (lambda: occlusion(linear(), images(), 3, of="loss"), "of='loss': give one of 'prob"),
        (
            lambda: occlusion(linear(), images(), 3, value=torch.zeros(2)),
            "value has 2 numbers; give one, or 3",
        ),
        (
            lambda: feature_maps(modern(), images(), "layers.6.boby.0"),
            "layer='layers.6.boby.0' is none of the model's, such as layers.6.body.0, .*table",
        ),
        (lambda: feature_maps(LeNet5(), images(), 3), "layer=3 is none of the model's"),
        (lambda: feature_maps(nn.Conv2d(3, 2, 3), images(), "x"), r"such as \(model\); see"),
        (
            lambda: grad_cam(modern(), images(), nn.Conv2d(3, 4, 3)),
            "this Conv2d is no layer of the model",
        ),
        (lambda: feature_maps(linear(), images(), "1"), r"layer 1 gives no maps .* \(2, 4\)"),
        (lambda: feature_maps(Odd(), images(), "pair"), r"layer pair gives no maps"),
        (lambda: feature_maps(Odd(), images(), "twice"), "twice is called 2 times; give"),
        (lambda: grad_cam(Odd(), images(), "never"), "never is called 0 times; give"),
        (lambda: grad_cam(Odd(), images(), "aside"), "no gradient on the maps of layer aside"),
        (lambda: grad_cam(Odd(), images(), "cut"), "no gradient on the maps of layer cut"),
        (
            lambda: grad_cam(modern(), images(), "layers.11"),
            "layer layers.11 gives maps of 1×1, which say nothing about where; give",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "\n" not in str(error.value)
