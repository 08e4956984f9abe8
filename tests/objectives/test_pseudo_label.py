"""PCL against hand-made numbers and a plain loop."""

import math

import pytest
import torch
from torch import Tensor

from damer.objectives import fused_probabilities, pseudo_label_loss, temperature, threshold
from damer.objectives.pseudo_label import Confidence


def logits(*probabilities: float) -> Tensor:
    """Logits whose softmax at temperature 1 gives these probabilities of class 1."""
    p = torch.tensor(probabilities)
    return torch.stack([torch.log(1 - p), torch.log(p)], dim=-1)


def test_temperature_schedule() -> None:
    assert [temperature(r) for r in (0.0, 0.5, 1.0)] == pytest.approx([1.5, 1.1, 0.7])
    assert temperature(79 / 80) == pytest.approx(0.71)  # the last of 80 epochs
    assert temperature(0.25, start=2.0, end=1.0) == pytest.approx(1.75)


def test_threshold_schedules() -> None:
    assert [threshold(r) for r in (0.0, 0.5, 1.0)] == pytest.approx([0.65, 0.5, 0.35])
    clipped = [threshold(r, schedule="clipped") for r in (0.0, 0.2, 0.5, 1.0)]
    assert clipped == pytest.approx([0.65, 0.52, 0.35, 0.35])
    assert threshold(0.5, 0.9, 0.7) == pytest.approx(0.8)


@pytest.mark.parametrize("progress", [-0.01, 1.01, math.nan])
def test_progress_outside_training_is_refused(progress: float) -> None:
    with pytest.raises(ValueError, match="progress"):
        temperature(progress)
    with pytest.raises(ValueError, match="progress"):
        threshold(progress, schedule="clipped")


def test_unknown_choices_are_refused() -> None:
    with pytest.raises(ValueError, match="schedule"):
        threshold(0.5, schedule="cosine")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="confidence"):
        pseudo_label_loss(logits(0.5), logits(0.5), logits(0.5), tau=1.0, theta=0.5, confidence="x")  # type: ignore[arg-type]


def test_hand_computed_sample() -> None:
    # p_mel = (.1, .9), p_coch = (.5, .5): p_fuse = (.3, .7), JS = .1017494, r = .9032559, c = .6322791;
    # the fused head says .8 for class 1, so CE = -ln .8 = .2231436.
    result = pseudo_label_loss(logits(0.9), logits(0.5), logits(0.8), tau=1.0, theta=0.63)
    assert result.labels.tolist() == [1]
    assert result.selected.tolist() == [True]
    assert result.strength.item() == pytest.approx(0.7, abs=1e-6)
    assert result.reliability.item() == pytest.approx(0.9032559, abs=1e-6)
    assert result.confidence.item() == pytest.approx(0.6322791, abs=1e-6)
    assert result.loss.item() == pytest.approx(0.9032559 * 0.2231436, abs=1e-6)
    above = pseudo_label_loss(logits(0.9), logits(0.5), logits(0.8), tau=1.0, theta=0.64)
    assert above.loss.item() == 0.0


def test_temperature_softens_the_views() -> None:
    p_mel, p_cochleagram, p_fuse = fused_probabilities(logits(0.9), logits(0.5), 2.0)
    assert p_mel[0, 1].item() == pytest.approx(0.75, abs=1e-6)  # odds 9 become odds 3
    assert p_cochleagram[0, 1].item() == pytest.approx(0.5, abs=1e-6)
    assert p_fuse[0, 1].item() == pytest.approx(0.625, abs=1e-6)


def softmax_by_hand(pair: Tensor, tau: float) -> list[float]:
    powers = [math.exp(value / tau) for value in pair.tolist()]
    return [power / sum(powers) for power in powers]


def by_loop(
    mel: Tensor, cochleagram: Tensor, fused: Tensor, tau: float, theta: float, confidence: Confidence
) -> tuple[float, list[int], list[bool]]:
    """Equations 10 to 17, one sample at a time, in plain Python."""
    labels, selected, terms = [], [], []
    for a, b, f in zip(mel, cochleagram, fused, strict=True):
        p, q = softmax_by_hand(a, tau), softmax_by_hand(b, tau)
        middle = [(u + v) / 2 for u, v in zip(p, q, strict=True)]
        js = sum(
            0.5 * u * math.log(u / w) + 0.5 * v * math.log(v / w)
            for u, v, w in zip(p, q, middle, strict=True)
        )
        r = math.exp(-js)
        score = middle if confidence == "views" else softmax_by_hand(f, tau)
        labels.append(score.index(max(score)))
        selected.append(r * max(score) >= theta)
        if selected[-1]:
            terms.append(r * -math.log(softmax_by_hand(f, 1.0)[labels[-1]]))
    return (sum(terms) / len(terms) if terms else 0.0), labels, selected


@pytest.mark.parametrize("confidence", ["views", "fused_head"])
def test_agrees_with_a_plain_loop(confidence: Confidence) -> None:
    mel, cochleagram, fused = torch.randn(3, 100, 2, dtype=torch.float32).mul(2).unbind()
    loss, labels, selected = by_loop(mel, cochleagram, fused, 1.2, 0.6, confidence)
    result = pseudo_label_loss(mel, cochleagram, fused, tau=1.2, theta=0.6, confidence=confidence)
    assert 0 < sum(selected) < 100
    assert result.labels.tolist() == labels
    assert result.selected.tolist() == selected
    assert result.loss.item() == pytest.approx(loss, rel=1e-5)
    assert result.means()["mask_ratio"] == pytest.approx(sum(selected) / 100)


def test_the_two_readings_of_confidence_differ() -> None:
    views = pseudo_label_loss(logits(0.9), logits(0.9), logits(0.2), tau=1.0, theta=0.35)
    head = pseudo_label_loss(
        logits(0.9), logits(0.9), logits(0.2), tau=1.0, theta=0.35, confidence="fused_head"
    )
    assert (views.labels.item(), head.labels.item()) == (1, 0)
    assert views.loss.item() == pytest.approx(-math.log(0.2), abs=1e-5)
    assert head.loss.item() == pytest.approx(-math.log(0.8), abs=1e-5)


@pytest.mark.parametrize("confidence", ["views", "fused_head"])
def test_gradient_reaches_the_fused_logits_of_selected_samples_only(confidence: Confidence) -> None:
    mel = logits(0.95, 0.5).requires_grad_()
    cochleagram = logits(0.95, 0.5).requires_grad_()
    fused = logits(0.9, 0.55).requires_grad_()
    result = pseudo_label_loss(mel, cochleagram, fused, tau=1.0, theta=0.6, confidence=confidence)
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert result.selected.tolist() == [True, False]
    assert mel.grad is None
    assert cochleagram.grad is None
    assert fused.grad is not None
    # r (softmax - onehot) / 1 selected, with r = 1 where the views agree
    torch.testing.assert_close(fused.grad, torch.tensor([[0.1, -0.1], [0.0, 0.0]]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("samples", [0, 4])
def test_nothing_selected_is_exactly_zero(dtype: torch.dtype, samples: int) -> None:
    fused = torch.full((samples, 2), 3e4, dtype=dtype, requires_grad=True)
    views = torch.zeros(2, samples, 2, dtype=dtype)
    result = pseudo_label_loss(views[0], views[1], fused, tau=0.7, theta=0.9)
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert result.loss.item() == 0.0
    assert result.loss.dtype == torch.float32
    assert fused.grad is not None
    assert (fused.grad == 0).all()
    assert all(math.isfinite(value) for value in result.means().values())


def test_a_sample_left_out_does_not_spoil_the_sum() -> None:
    fused = torch.tensor([[0.0, 2.0], [math.inf, 0.0]])
    result = pseudo_label_loss(logits(0.9, 0.5), logits(0.9, 0.5), fused, tau=1.0, theta=0.8)
    assert result.selected.tolist() == [True, False]
    assert result.loss.item() == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-5)


def test_bfloat16_saturated_logits_stay_finite() -> None:
    big = torch.tensor([[3e4, -3e4], [-3e4, 3e4]], dtype=torch.bfloat16)
    fused = big.clone().requires_grad_()
    result = pseudo_label_loss(big, big.flip(0), fused, tau=0.7, theta=0.2)
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert result.loss.isfinite()
    assert fused.grad is not None
    assert fused.grad.isfinite().all()
    assert result.reliability.tolist() == pytest.approx([0.5, 0.5])
