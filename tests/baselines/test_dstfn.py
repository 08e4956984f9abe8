"""DSTFN: stage one learns without labels, stage two leaves the encoder alone, padding says nothing."""

import pytest
import torch
from cues import COCHLEA, FRAMES, MEL, backward, learn, parameters, track_cue, without_gradient
from torch.nn import functional as F

from damer.baselines.base import Context
from damer.baselines.dstfn import BASELINE, STAGE_ONE, Autoencoder, Dstfn, hide
from damer.baselines.masking import stripes


def small(**settings: object) -> Dstfn:
    torch.manual_seed(0)
    return Dstfn(FRAMES, MEL, COCHLEA, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("frames", "count"), [(87, 3_167_972), (44, 2_477_156)])
def test_parameters(frames: int, count: int) -> None:
    network = Dstfn(frames)
    assert parameters(network) == count
    if frames == 87:
        assert network.cochleagram is not None
        assert parameters(network.mel.autoencoder) == 957_297
        assert parameters(network.cochleagram.autoencoder) == 759_921


@pytest.mark.parametrize(("bands", "frames"), [(128, 87), (84, 87), (128, 44), (84, 44)])
def test_a_map_comes_back_in_its_shape(bands: int, frames: int) -> None:
    autoencoder = Autoencoder(bands, frames).eval()
    view = torch.randn(2, bands, frames)
    assert autoencoder.encode(view).shape == (2, 128)
    assert autoencoder(view).shape == view.shape


def test_stage_one_never_reads_a_label() -> None:
    batch = track_cue(2, 5, seed=0)
    poisoned = batch._replace(
        label=torch.full_like(batch.label, 10**9),
        target=torch.full_like(batch.target, float("nan")),
        track_label=torch.full_like(batch.track_label, -(10**9)),
    )
    found = []
    for seen in (batch, poisoned):
        network = small()
        terms = BASELINE.loss(network, seen, Context(0.3, torch.Generator().manual_seed(0), 0))
        backward(terms["total"])
        found.append((terms["total"].item(), without_gradient(network)))
    assert found[0] == found[1]
    # It teaches the autoencoders, all of them, and nothing else.
    assert not any(".autoencoder." in name for name in found[0][1])
    assert all(".autoencoder." in name for name, _ in small().named_parameters() if name not in found[0][1])


def test_stage_one_is_the_error_against_the_unmasked_map() -> None:
    network = small(streams="single").eval()
    batch = track_cue(2, 5, seed=0)
    found = network.reconstruction_loss(
        batch.mel, batch.cochleagram, batch.mask, torch.Generator().manual_seed(7)
    )
    there = batch.mel[batch.mask]
    masked = hide(there, torch.Generator().manual_seed(7))
    assert 0.05 < (masked == 0).float().mean() < 0.9
    assert found.item() == pytest.approx(F.mse_loss(network.mel.autoencoder(masked), there).item())


def test_masks_keep_their_limits() -> None:
    drawn = stripes(2000, 87, 15, torch.Generator().manual_seed(0))
    width = drawn.sum(dim=1)
    assert (int(width.min()), int(width.max())) == (0, 15)
    # One stripe a row: at most one beginning, and at most one end.
    assert (drawn.int().diff(dim=1, prepend=torch.zeros(2000, 1, dtype=torch.int32)) == 1).sum(1).max() == 1
    assert drawn.any(dim=0).all()


def test_a_frozen_encoder_gets_no_gradient_and_keeps_its_statistics() -> None:
    network = small().train()
    frozen = network.mel.autoencoder
    before = {name: value.clone() for name, value in frozen.named_buffers()}
    batch = track_cue(2, 5, seed=0)
    terms = BASELINE.loss(network, batch, Context(STAGE_ONE, torch.Generator(), 0))
    backward(terms["total"])
    assert all(parameter.grad is None for parameter in frozen.parameters())
    assert all(torch.equal(value, before[name]) for name, value in frozen.named_buffers())
    learned = {name for name, _ in network.named_parameters() if ".autoencoder." not in name}
    assert learned.isdisjoint(without_gradient(network))


def test_finetuning_reaches_the_encoder() -> None:
    network = small(finetune=True).train()
    backward(BASELINE.loss(network, track_cue(2, 5, seed=0), Context(0.9, torch.Generator(), 0))["total"])
    assert "mel.autoencoder.to_code.weight" not in without_gradient(network)


def test_padding_says_nothing() -> None:
    network = small().eval()
    batch = track_cue(4, 6, seed=0)
    assert not batch.mask.all()
    noise = torch.randn_like(batch.mel) * ~batch.mask[..., None, None]
    first = network(batch.mel, batch.cochleagram, batch.mask)
    second = network(batch.mel + noise, batch.cochleagram, batch.mask)
    assert torch.equal(first["track"], second["track"])
    assert torch.equal(first["segment"][batch.mask], second["segment"][batch.mask])
    # A short track alone, without any padding, is heard as it was beside a longer one.
    alone = network(batch.mel[2:3, :4], batch.cochleagram[2:3, :4], batch.mask[2:3, :4])
    torch.testing.assert_close(alone["track"], first["track"][2:3])
    torch.testing.assert_close(alone["segment"], first["segment"][2:3, :4])


def test_the_gate_mixes_both_streams() -> None:
    network = small().eval()
    batch = track_cue(2, 4, seed=0)
    assert network.cochleagram is not None
    assert network.gate is not None
    streams = network.mel(batch.mel, batch.mask), network.cochleagram(batch.cochleagram, batch.mask)
    for offset, heard in ((100.0, streams[0]), (-100.0, streams[1])):
        torch.nn.init.zeros_(network.gate.weight)
        torch.nn.init.constant_(network.gate.bias, offset)
        found = network(batch.mel, batch.cochleagram, batch.mask)["segment"]
        torch.testing.assert_close(found, network.output(heard))


def test_a_single_stream_reads_the_mel_view_alone() -> None:
    network = small(streams="single").eval()
    batch = track_cue(2, 4, seed=0)
    nothing = torch.full_like(batch.cochleagram, float("nan"))
    assert network(batch.mel, nothing, batch.mask)["track"].isfinite().all()


def test_learns_in_two_stages() -> None:
    """Stage one rebuilds fresh maps better than their mean does; stage two tells the classes apart."""
    network = small()
    tracks = [track_cue(4, 6, seed, strength=3.0) for seed in range(8)]
    learn(BASELINE, network, 5 * tracks, rate=1e-3, progress=0.0)
    fresh = track_cue(8, 6, seed=999, strength=3.0)
    view = fresh.mel[fresh.mask]
    with torch.no_grad():
        error = F.mse_loss(network.mel.autoencoder(view), view)
    assert error < 0.8 * F.mse_loss(view.mean(dim=0).expand_as(view), view)
    learn(BASELINE, network, 2 * tracks, rate=1e-3)
    with torch.no_grad():
        found = network(fresh.mel, fresh.cochleagram, fresh.mask)
    assert (found["track"].argmax(1) == fresh.track_label).float().mean() >= 0.9
    assert (found["segment"].argmax(2) == fresh.label)[fresh.mask].float().mean() >= 0.9


def test_unknown_streams_are_refused() -> None:
    with pytest.raises(ValueError, match="triple"):
        small(streams="triple")
