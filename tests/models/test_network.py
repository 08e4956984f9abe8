"""The network against a naive one that loops over directions, heads and equations."""

import math

import pytest
import torch
from torch import Tensor

from damer.core.errors import DamerError
from damer.models import Damer, DamerConfig, DamerOutput
from damer.models.cross_view import CrossViewLayer

SMALL = DamerConfig(frames=5, mel_bands=7, cochlea_bands=6, dim=8, heads=2, fused_dim=10)


def linear(state: dict[str, Tensor], name: str, values: Tensor) -> Tensor:
    return values @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def layer_norm(state: dict[str, Tensor], name: str, values: Tensor) -> Tensor:
    mean = values.mean(-1, keepdim=True)
    variance = ((values - mean) ** 2).mean(-1, keepdim=True)
    return (values - mean) / torch.sqrt(variance + 1e-5) * state[f"{name}.weight"] + state[f"{name}.bias"]


def gelu(values: Tensor) -> Tensor:
    return values * 0.5 * (1.0 + torch.erf(values / math.sqrt(2.0)))


def naive_direction(state: dict[str, Tensor], name: str, heads: int, asking: Tensor, other: Tensor) -> Tensor:
    """Equations 3 to 8 for one segment [N, D] and the other view [M, D], head by head."""
    width = asking.shape[-1]
    d_k = width // heads
    query = linear(state, f"{name}.attention.query", asking)
    both = linear(state, f"{name}.attention.key_value", other)
    key, value = both[:, :width], both[:, width:]
    answers = []
    for head in range(heads):
        part = slice(head * d_k, (head + 1) * d_k)
        scores = query[:, part] @ key[:, part].T / math.sqrt(d_k)
        weights = torch.exp(scores) / torch.exp(scores).sum(-1, keepdim=True)
        answers.append(weights @ value[:, part])
    heard = linear(state, f"{name}.attention.output", torch.cat(answers, -1))
    tokens = layer_norm(state, f"{name}.attention_norm", asking + heard)
    update = linear(state, f"{name}.contract", gelu(linear(state, f"{name}.expand", tokens)))
    return layer_norm(state, f"{name}.ffn_norm", tokens + update)


def naive_network(network: Damer, mel: Tensor, cochleagram: Tensor) -> DamerOutput:
    """The whole network, one segment after another, in float64."""
    state = {name: value.double() for name, value in network.state_dict().items()}
    config = network.config
    rows = []
    for features in zip(mel.double(), cochleagram.double(), strict=True):
        views = []
        for view, values in zip(("mel", "cochleagram"), features, strict=True):
            values = (values - state[f"{view}_mean"]) / state[f"{view}_std"]
            values = values.T if config.tokens == "frame" else values
            tokens = linear(state, f"{view}_embedding.project", values)
            if config.positions == "learned":
                tokens = tokens + state[f"{view}_embedding.position"]
            views.append(tokens)
        a, b = views
        for layer in range(config.layers):
            a, b = (
                naive_direction(state, f"layers.{layer}.mel", config.heads, a, b),
                naive_direction(state, f"layers.{layer}.cochleagram", config.heads, b, a),
            )
        pooled = (a.mean(0), b.mean(0))
        hidden = gelu(linear(state, "fusion.0", torch.cat(pooled)))
        embedding = linear(state, "fusion.3", hidden)
        logits = [linear(state, f"{v}_head", z) for v, z in zip(("mel", "cochleagram"), pooled, strict=True)]
        rows.append([*logits, linear(state, "fused_head", embedding), embedding])
    return DamerOutput(*(torch.stack(column) for column in zip(*rows, strict=True)))


def total(output: DamerOutput) -> Tensor:
    return torch.cat([part.flatten() for part in output]).sum()


def build(config: DamerConfig) -> tuple[Damer, Tensor, Tensor]:
    """A network whose every parameter and statistic is away from its initial value, and a batch for it."""
    torch.manual_seed(0)
    network = Damer(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    shapes = (config.mel_bands, config.frames), (config.cochlea_bands, config.frames)
    statistics = [make(shape) for shape in shapes for make in (torch.randn, lambda s: torch.rand(s) + 0.5)]
    network.set_standardisation(*statistics)
    return network, torch.randn(3, *shapes[0]), torch.randn(3, *shapes[1])


@pytest.mark.parametrize("tokens", ["band", "frame"])
@pytest.mark.parametrize("positions", ["learned", "none"])
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_agrees_with_the_naive_network(tokens: str, positions: str, layers: int) -> None:
    config = DamerConfig.from_dict(
        SMALL.to_dict() | {"tokens": tokens, "positions": positions, "layers": layers}
    )
    network, mel, cochleagram = build(config)
    expected = naive_network(network, mel, cochleagram)
    for got, wanted in zip(network(mel, cochleagram)[:4], expected[:4], strict=True):
        torch.testing.assert_close(got.double(), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("frames", [87, 44])
@pytest.mark.parametrize("tokens", ["band", "frame"])
def test_agrees_with_the_naive_network_at_full_size(frames: int, tokens: str) -> None:
    network, mel, cochleagram = build(DamerConfig(frames=frames, tokens=tokens))  # type: ignore[arg-type]
    output = network(mel, cochleagram)
    assert [tuple(part.shape) for part in output[:4]] == [(3, 2), (3, 2), (3, 2), (3, 256)]
    for got, wanted in zip(output[:4], naive_network(network, mel, cochleagram)[:4], strict=True):
        torch.testing.assert_close(got.double(), wanted, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "config", [DamerConfig(), DamerConfig(frames=44, tokens="frame", positions="none"), SMALL]
)
def test_parameter_count_is_what_the_equations_say(config: DamerConfig) -> None:
    d, d_f = config.dim, config.fused_dim
    by_frame = config.tokens == "frame"
    features = (config.mel_bands, config.cochlea_bands) if by_frame else (config.frames, config.frames)
    tokens = (config.frames, config.frames) if by_frame else (config.mel_bands, config.cochlea_bands)
    embeddings = sum(width * d + d for width in features)  # eqs 1, 2
    positions = sum(tokens) * d if config.positions == "learned" else 0
    attention = 4 * (d * d + d)  # eqs 3 to 5: query, key, value, output
    ffn = 2 * config.ffn_ratio * d * d + config.ffn_ratio * d + d  # eq 8
    direction = attention + ffn + 2 * 2 * d  # and two normalisations
    fusion = 2 * d * d_f + d_f + d_f * d_f + d_f
    heads = 2 * (2 * d + 2) + 2 * d_f + 2
    expected = embeddings + positions + 2 * config.layers * direction + fusion + heads
    assert sum(parameter.numel() for parameter in Damer(config).parameters()) == expected


def test_default_network_has_975_366_parameters() -> None:
    assert sum(parameter.numel() for parameter in Damer().parameters()) == 975_366


def test_both_directions_read_the_same_layer_input() -> None:
    layer = CrossViewLayer(dim=8, heads=2, ffn_ratio=4, dropout=0.0)
    a, b = torch.randn(2, 7, 8), torch.randn(2, 6, 8)
    new_a, new_b = layer(a, b)
    torch.testing.assert_close(new_b, layer.cochleagram(b, a))
    assert not torch.allclose(new_b, layer.cochleagram(b, new_a))
    assert new_a.shape == a.shape


def test_the_two_directions_have_their_own_weights() -> None:
    layer = CrossViewLayer(dim=8, heads=2, ffn_ratio=4, dropout=0.0)
    mel = {id(parameter) for parameter in layer.mel.parameters()}
    assert mel.isdisjoint(id(parameter) for parameter in layer.cochleagram.parameters())


def test_without_positions_the_network_is_blind_to_the_order_of_bands() -> None:
    shuffled = torch.randperm(7)
    answers = {}
    for positions in ("none", "learned"):
        config = DamerConfig.from_dict(SMALL.to_dict() | {"positions": positions})
        network = Damer(config).eval()
        mel, cochleagram = torch.randn(4, 7, 5), torch.randn(4, 6, 5)
        straight, mixed = network(mel, cochleagram).fused, network(mel[:, shuffled], cochleagram).fused
        answers[positions] = torch.allclose(straight, mixed, atol=1e-5)
    assert answers == {"none": True, "learned": False}


def test_every_parameter_gets_a_gradient() -> None:
    network, mel, cochleagram = build(SMALL)
    network.train()
    output = network(mel, cochleagram)
    (output.mel.sum() + output.cochleagram.sum() + output.fused.sum()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_gradients_agree_with_the_naive_network() -> None:
    network, mel, cochleagram = build(SMALL)
    expected: dict[str, Tensor] = {}
    parameters = dict(network.named_parameters())
    doubled = {name: value.detach().double().requires_grad_() for name, value in parameters.items()}

    class Stand:
        config = network.config

        def state_dict(self) -> dict[str, Tensor]:
            return {name: doubled.get(name, value) for name, value in network.state_dict().items()}

    total(naive_network(Stand(), mel, cochleagram)).backward()  # type: ignore[arg-type,no-untyped-call]
    expected = {name: value.grad for name, value in doubled.items() if value.grad is not None}
    total(network(mel, cochleagram)).backward()  # type: ignore[no-untyped-call]
    for name, parameter in parameters.items():
        assert parameter.grad is not None, name
        torch.testing.assert_close(parameter.grad.double(), expected[name], atol=3e-4, rtol=1e-4, msg=name)


def test_probability_by_each_head() -> None:
    mel, cochleagram, fused = (torch.tensor([[0.0, math.log(odds)]]) for odds in (9.0, 1.0, 4.0))
    output = DamerOutput(mel, cochleagram, fused, torch.zeros(1, 256))
    expected = {"mel": 0.9, "cochleagram": 0.5, "fused": 0.8, "mean": (0.9 + 0.5 + 0.8) / 3}
    for head, probability in expected.items():
        network = Damer(DamerConfig(head=head))  # type: ignore[arg-type]
        assert network.probability(output).item() == pytest.approx(probability, abs=1e-6)
    softened = Damer().probability(output, temperature=2.0)
    assert softened.item() == pytest.approx(2 / 3, abs=1e-6)  # odds 4 become odds 2
    assert softened.dtype == torch.float32


def test_standardisation_of_one_value_a_band() -> None:
    network = Damer(SMALL).eval()
    mel, cochleagram = torch.randn(2, 7, 5), torch.randn(2, 6, 5)
    expected = network(mel, cochleagram)
    mean, std = torch.randn(7, 1), torch.rand(7, 1) + 0.5
    network.set_standardisation(mean, std, torch.zeros(6, 1), torch.ones(6, 1))
    got = network(mel * std + mean, cochleagram)
    torch.testing.assert_close(got.fused, expected.fused, atol=1e-5, rtol=1e-5)


def test_a_feature_that_never_varies_is_divided_by_one() -> None:
    network = Damer(SMALL)
    network.set_standardisation(torch.zeros(7, 1), torch.zeros(7, 1), torch.zeros(6, 1), torch.ones(6, 1))
    assert (network.mel_std == 1).all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_impossible_standardisation_is_refused(value: float) -> None:
    good = torch.ones(6, 1)
    with pytest.raises(DamerError, match="standardisation"):
        Damer(SMALL).set_standardisation(torch.zeros(7, 1), torch.full((7, 1), value), good, good)


def test_raw_stem_gives_the_seconds_asked_for() -> None:
    network = Damer(SMALL)
    mel, cochleagram = torch.randn(10, 7, 5), torch.randn(10, 6, 5)
    summary = network.stem.summarise(mel, cochleagram)
    got = network.stem.tokens(*summary, torch.tensor([3, 9]))
    assert torch.equal(got[0], mel[[3, 9]])
    assert torch.equal(got[1], cochleagram[[3, 9]])
    assert (network.stem.mel_features, network.stem.cochleagram_features) == (5, 5)


def test_evaluation_is_deterministic_and_training_is_not() -> None:
    network, mel, cochleagram = build(SMALL)
    assert torch.equal(network(mel, cochleagram).fused, network(mel, cochleagram).fused)
    network.train()
    assert not torch.equal(network(mel, cochleagram).fused, network(mel, cochleagram).fused)
    torch.manual_seed(5)
    first = network(mel, cochleagram).fused
    torch.manual_seed(5)
    assert torch.equal(network(mel, cochleagram).fused, first)
