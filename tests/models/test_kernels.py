"""The fast steps against plain ones: attention against its equation, dropout against its definition."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.models import Damer, DamerConfig, kernels
from damer.models.cross_view import CrossAttention
from damer.models.kernels import add_dropped, attend, random_bytes


def plain_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Equation 5 in float64, with PyTorch's softmax."""
    query, key, value = query.double(), key.double(), value.double()
    return (query @ key.transpose(1, 2)).softmax(dim=-1) @ value


def three(dtype: torch.dtype = torch.float32, size: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    query, key, value = torch.randn(6, 9, 8), torch.randn(6, 5, 8), torch.randn(6, 5, 8)
    return (size * query).to(dtype), (size * key).to(dtype), value.to(dtype)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 3e-2)]
)
@pytest.mark.parametrize("size", [0.0, 0.3, 1.0, 3.0, 30.0, 1e3])
def test_attention_agrees_with_its_equation(dtype: torch.dtype, tolerance: float, size: float) -> None:
    query, key, value = three(dtype, size)
    if (
        dtype != torch.float64 and size > 3
    ):  # round-off of the scores themselves would decide between near ties
        query, key = query.round(), key.round()
    got = attend(query, key, value)
    assert got.dtype == dtype
    torch.testing.assert_close(
        got.double(), plain_attention(query, key, value), atol=tolerance, rtol=tolerance
    )


@pytest.mark.parametrize("score", [-300.0, -80.0, 80.0, 300.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_is_stable_where_exponentials_are_not(score: float, dtype: torch.dtype) -> None:
    query, key = torch.full((1, 2, 1), score, dtype=dtype), torch.ones(1, 4, 1, dtype=dtype)
    value = torch.tensor([[[1.0], [2.0], [3.0], [6.0]]], dtype=dtype)
    query.requires_grad_()
    answer = attend(query, key, value)
    answer.sum().backward()  # type: ignore[no-untyped-call]
    assert answer.flatten().tolist() == [3.0, 3.0]
    assert query.grad is not None
    assert query.grad.isfinite().all()


def test_attention_gradients_against_finite_differences() -> None:
    for size in (1.0, 40.0):  # plain exponentials, and the stable way
        inputs = [part[:2].clone().requires_grad_() for part in three(torch.float64, size)]
        assert torch.autograd.gradcheck(attend, inputs, atol=1e-6)


def test_attention_gradients_in_bfloat16() -> None:
    exact = [part.double().requires_grad_() for part in three(torch.bfloat16)]
    rounded = [part.requires_grad_() for part in three(torch.bfloat16)]
    weights = torch.randn(6, 9, 8)
    (plain_attention(exact[0], exact[1], exact[2]) * weights).sum().backward()  # type: ignore[no-untyped-call]
    (attend(rounded[0], rounded[1], rounded[2]) * weights).sum().backward()  # type: ignore[no-untyped-call]
    for one, other in zip(exact, rounded, strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert (other.grad - one.grad).norm() < 0.02 * one.grad.norm()


def test_attention_of_no_segment_and_of_nan() -> None:
    query, key, value = three()
    assert attend(query[:0], key[:0], value[:0]).shape == (0, 9, 8)
    assert attend(query * math.nan, key, value).isnan().all()


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_dropout_keeps_its_rate_and_its_expectation(probability: float) -> None:
    torch.manual_seed(0)
    residual, update = torch.zeros(1000, 1001), torch.full((1000, 1001), 2.0)
    dropped = add_dropped(residual, update, probability)
    rate = round(256 * probability) / 256
    values = torch.unique(dropped)
    torch.testing.assert_close(values, torch.tensor([0.0, 2.0 / (1.0 - rate)]))
    assert (dropped == 0).float().mean().item() == pytest.approx(rate, abs=4 * math.sqrt(rate / 1e6))
    assert dropped.mean().item() == pytest.approx(2.0, abs=0.03)


def test_dropout_draws_each_element_for_itself() -> None:
    torch.manual_seed(1)
    mask = (random_bytes(torch.empty(4000, 800)) >= 128).float()
    for shift in (1, 2, 4, 7, 8, 16, 800):  # neighbours share no random word's fate
        agreement = (mask.flatten()[shift:] == mask.flatten()[:-shift]).float().mean().item()
        assert agreement == pytest.approx(0.5, abs=2e-3)
    assert (mask.mean(dim=0) - 0.5).abs().max() < 5 * math.sqrt(0.25 / 4000)


def test_dropout_gradients() -> None:
    residual, update = (torch.randn(50, 20, requires_grad=True) for _ in range(2))
    total = add_dropped(residual, update, 0.25)
    weights = torch.randn(50, 20)
    (total * weights).sum().backward()  # type: ignore[no-untyped-call]
    kept = (total - residual).detach() != 0
    assert residual.grad is not None
    assert update.grad is not None
    torch.testing.assert_close(residual.grad, weights)
    torch.testing.assert_close(update.grad, weights * kept / 0.75)


def test_dropout_at_its_limits() -> None:
    residual, update = torch.randn(30, 7), torch.randn(30, 7)
    assert torch.equal(add_dropped(residual, update, 0.0), residual + update)
    nearly_all = add_dropped(residual, update, 0.9999)
    assert nearly_all.isfinite().all()
    assert (nearly_all == residual).float().mean() > 0.8
    mixed = add_dropped(residual, update.bfloat16(), 0.5)
    assert mixed.dtype == torch.float32


def test_dropout_follows_the_seed() -> None:
    ones = torch.ones(100)
    torch.manual_seed(7)
    first = add_dropped(ones, ones, 0.5)
    torch.manual_seed(7)
    assert torch.equal(add_dropped(ones, ones, 0.5), first)
    assert not torch.equal(add_dropped(ones, ones, 0.5), first)


def losses_and_gradients(network: Damer, bfloat16: bool) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(3)
    config = network.config
    views = torch.randn(24, config.mel_bands, 87), torch.randn(24, config.cochlea_bands, 87)
    labels = torch.randint(0, 2, (24,))
    network.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        output = network(*views)
    logits = torch.stack([output.mel, output.cochleagram, output.fused]).float()
    F.cross_entropy(logits.flatten(0, 1), labels.repeat(3)).backward()  # type: ignore[no-untyped-call]
    gradients = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    return logits.detach(), gradients


def test_bfloat16_training_step_is_near_float32() -> None:
    torch.manual_seed(0)
    network = Damer(DamerConfig(dropout=0.0)).train()
    exact, exact_gradients = losses_and_gradients(network, bfloat16=False)
    rounded, rounded_gradients = losses_and_gradients(network, bfloat16=True)
    assert (rounded - exact).abs().max() < 0.01
    assert exact_gradients.keys() == rounded_gradients.keys() == dict(network.named_parameters()).keys()
    direction = [
        torch.cat([g.flatten() for g in part.values()]) for part in (exact_gradients, rounded_gradients)
    ]
    assert F.cosine_similarity(direction[0], direction[1], dim=0) > 0.999
    assert all(gradient.dtype == torch.float32 for gradient in rounded_gradients.values())


def test_fast_and_plain_paths_give_the_same_network(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = Damer(DamerConfig(dropout=0.0)).train()
    fast, fast_gradients = losses_and_gradients(network, bfloat16=False)
    used = []

    def plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        used.append(query.shape)
        return F.scaled_dot_product_attention(query, key, value, scale=1.0)

    monkeypatch.setattr("damer.models.cross_view.attend", plain)
    slow, slow_gradients = losses_and_gradients(network, bfloat16=False)
    assert len(used) == 4
    torch.testing.assert_close(fast, slow, atol=1e-5, rtol=1e-5)
    for name, gradient in fast_gradients.items():
        torch.testing.assert_close(gradient, slow_gradients[name], atol=1e-5, rtol=1e-3, msg=name)


def test_float32_network_agrees_with_multihead_attention() -> None:
    """One direction against nn.MultiheadAttention given the same weights."""
    torch.manual_seed(0)
    direction = Damer(DamerConfig()).eval().layers[0].get_submodule("mel.attention")
    peer = nn.MultiheadAttention(128, 4, batch_first=True).eval()
    state = direction.state_dict()
    peer.load_state_dict(
        {
            "in_proj_weight": torch.cat([state["query.weight"], state["key_value.weight"]]),
            "in_proj_bias": torch.cat([state["query.bias"], state["key_value.bias"]]),
            "out_proj.weight": state["output.weight"],
            "out_proj.bias": state["output.bias"],
        }
    )
    asking, answering = torch.randn(3, 128, 128), torch.randn(3, 84, 128)
    expected = peer(asking, answering, answering, need_weights=False)[0]
    torch.testing.assert_close(direction(asking, answering), expected, atol=1e-5, rtol=1e-4)


def test_attention_is_the_same_whether_or_not_anything_is_learned() -> None:
    """Without gradients float32 goes through PyTorch's own attention, with them through ours."""
    torch.manual_seed(0)
    attention = CrossAttention(32, 4)
    asking, answering = torch.randn(3, 9, 32), torch.randn(3, 5, 32)
    learned = attention(asking, answering)
    with torch.no_grad():
        asked = attention(asking, answering)
    assert learned.requires_grad
    assert not asked.requires_grad
    torch.testing.assert_close(asked, learned.detach(), rtol=1e-5, atol=1e-6)


def test_compiled_code_takes_the_plain_way() -> None:
    assert not torch.compiler.is_compiling()
    query, key, value = three()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.compiler, "is_compiling", lambda: True)
        patch.setattr(kernels, "_Attend", None)
        torch.testing.assert_close(attend(query, key, value), plain_attention(query, key, value).float())


def test_bfloat16_inference_is_near_float32() -> None:
    torch.manual_seed(0)
    network = Damer().eval()
    views = torch.randn(40, 128, 87), torch.randn(40, 84, 87)
    with torch.inference_mode():
        exact = network.probability(network(*views))
        with torch.autocast("cpu", torch.bfloat16):
            rounded = network.probability(network(*views))
    assert 0 < (rounded - exact).abs().max() < 2e-3


def test_no_normalisation_loses_its_gradient_in_bfloat16() -> None:
    torch.manual_seed(0)
    network = Damer(DamerConfig(dropout=0.0, positions="none")).train()
    _, exact = losses_and_gradients(network, bfloat16=False)
    _, rounded = losses_and_gradients(network, bfloat16=True)
    norms = [name for name in exact if "norm" in name]
    assert len(norms) == 16
    for name in norms:
        assert (rounded[name] - exact[name]).norm() < 0.05 * exact[name].norm(), name
