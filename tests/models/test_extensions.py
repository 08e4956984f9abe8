"""What goes beyond the paper: patches, limits, harmony as tokens and styles, each against its definition."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from damer.core.errors import DamerError
from damer.features.spec import FeatureSpec
from damer.models import Damer, DamerConfig
from damer.models.checkpoint import Checkpoint, load, save

SMALL = DamerConfig(frames=5, mel_bands=8, cochlea_bands=6, dim=8, heads=2, fused_dim=10)


def vary(**settings: object) -> DamerConfig:
    return DamerConfig.from_dict(SMALL.to_dict() | settings)


def inputs(batch: int = 4) -> tuple[Tensor, Tensor]:
    torch.manual_seed(2)
    return torch.randn(batch, 8, 5), torch.randn(batch, 6, 5)


def test_patches_join_neighbouring_bands_in_one_token() -> None:
    torch.manual_seed(0)
    network = Damer(vary(mel_patch=4, cochleagram_patch=2)).eval()
    mel, _ = inputs()
    tokens = network.mel_embedding(mel)
    assert tokens.shape == (4, 2, 8)
    project, position = network.mel_embedding.project, network.mel_embedding.position
    assert position is not None
    for patch in range(2):
        bands = torch.cat([mel[:, 4 * patch + band] for band in range(4)], dim=-1)
        expected = bands @ project.weight.T + project.bias + position[patch]
        torch.testing.assert_close(tokens[:, patch], expected, atol=1e-5, rtol=1e-5)
    assert network.cochleagram_embedding.count == 3


def test_features_are_kept_within_the_limit() -> None:
    torch.manual_seed(0)
    network = Damer(vary(feature_limit=2.0)).eval()
    mel, cochleagram = inputs()
    expected = network(mel.clamp(-2, 2), cochleagram.clamp(-2, 2)).fused
    torch.testing.assert_close(network(mel, cochleagram).fused, expected)
    shout = network(1e6 * mel.sign(), 1e6 * cochleagram.sign()).fused
    torch.testing.assert_close(shout, network(2 * mel.sign(), 2 * cochleagram.sign()).fused)


def test_the_paper_has_no_styles() -> None:
    output = Damer(SMALL)(*inputs())
    assert output.style.numel() == 0


def test_a_known_style_adds_its_offset_to_the_shared_answer() -> None:
    torch.manual_seed(0)
    network = Damer(vary(styles=3)).eval()
    plain = Damer(SMALL).eval()
    plain.load_state_dict({n: v for n, v in network.state_dict().items() if "style" not in n})
    shared = plain(*inputs())
    style = torch.tensor([2, 0, 1, 2])
    output = network(*inputs(), style)
    offsets = network.fused_styles.offsets(shared.embedding).view(4, 3, 2)[torch.arange(4), style]
    expected = (shared.fused + offsets).softmax(dim=-1)
    torch.testing.assert_close(output.fused.softmax(dim=-1), expected, atol=1e-5, rtol=1e-5)


def test_an_unknown_style_mixes_the_styles_answers() -> None:
    torch.manual_seed(0)
    network = Damer(vary(styles=3)).eval()
    answers = [network(*inputs(), torch.full((4,), style)).fused.softmax(dim=-1) for style in range(3)]
    output = network(*inputs())
    weights = output.style.softmax(dim=-1)
    mixture = sum((weights[:, k, None] * answers[k] for k in range(3)), torch.zeros(4, 2))
    torch.testing.assert_close(output.fused.softmax(dim=-1), mixture, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(network(*inputs(), torch.full((4,), -1)).fused, output.fused)


def test_the_answers_do_not_teach_the_styles() -> None:
    network = Damer(vary(styles=3))
    output = network(*inputs())
    (output.mel.sum() + output.cochleagram.sum() + output.fused[:, 0].sum()).backward()
    assert network.style_head is not None
    assert network.style_head.weight.grad is None


def statistics_config() -> DamerConfig:
    return DamerConfig(
        dim=16, layers=1, fused_dim=16, stem="statistics", context_s=7, tonal_tokens=3, tonal_dropout=0.2,
        mel_patch=8, cochleagram_patch=12, styles=2, feature_limit=5.0,
    )  # fmt: skip


def test_statistics_and_harmony_travel_through_a_checkpoint(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Damer(statistics_config()).eval()
    mel, cochleagram = torch.randn(20, 128, 87), torch.randn(20, 84, 87)
    centres = torch.tensor([0, 9, 19])
    tokens = network.stem.tokens(*network.stem.summarise(mel, cochleagram), centres)
    assert tokens[0].shape == (3, 128, network.stem.mel_features)
    assert tokens[1].shape == (3, 84 + network.stem.tonal_rows, network.stem.cochleagram_features)
    flat = [torch.rand(part.shape[1:]) + 0.5 for part in tokens for _ in range(2)]
    network.set_standardisation(*flat)
    spec = FeatureSpec(cochleagram="semitone", cochlea_spacing="semitone")
    save(tmp_path / "a.safetensors", Checkpoint("valence", [network], spec))
    again = load(tmp_path / "a.safetensors").networks[0]
    with torch.no_grad():
        first, second = network(*tokens), again(*tokens)
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one, other)
        assert one.isfinite().all()


def test_harmony_has_a_say() -> None:
    torch.manual_seed(0)
    network = Damer(statistics_config()).eval()
    mel = torch.randn(2, 128, network.stem.mel_features)
    cochleagram = torch.randn(2, 84 + network.stem.tonal_rows, network.stem.cochleagram_features)
    other = cochleagram.clone()
    other[:, 84:] += 1.0
    assert not torch.allclose(network(mel, cochleagram).fused, network(mel, other).fused, atol=1e-4)


def test_every_parameter_of_the_extensions_gets_a_gradient() -> None:
    torch.manual_seed(0)
    network = Damer(statistics_config()).train()
    mel = torch.randn(6, 128, network.stem.mel_features)
    cochleagram = torch.randn(6, 84 + network.stem.tonal_rows, network.stem.cochleagram_features)
    output = network(mel, cochleagram)
    sum((part[:, 0].sum() for part in output), torch.zeros(())).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"mel_patch": 3}, "mel_patch"),
        ({"cochleagram_patch": 4}, "cochleagram_patch"),
        ({"tonal_tokens": 4}, "tonal_tokens"),
        ({"tonal_dropout": 1.0}, "tonal_dropout"),
        ({"feature_limit": -1.0}, "feature_limit"),
        ({"feature_limit": float("inf")}, "feature_limit"),
        ({"styles": 0}, "styles"),
        ({"tokens": "frame", "mel_patch": 2}, "tokens"),
        ({"stem": "statistics", "cochlea_bands": 30}, "cochlea_bands"),
    ],
)
def test_impossible_extensions_are_refused_by_name(settings: dict[str, object], name: str) -> None:
    with pytest.raises(DamerError, match=f"network setting {name}="):
        vary(**settings)


def harmonic(**settings: object) -> DamerConfig:
    values = {"cochlea_bands": 12, "stem": "statistics", "context_s": 6, "tonal_hidden": 16, "head": "mean"}
    return vary(**(values | settings))


def stem_inputs(config: DamerConfig, batch: int = 5) -> tuple[Tensor, Tensor]:
    torch.manual_seed(3)
    stem = Damer(config).stem
    rows = config.cochlea_bands + stem.tonal_rows
    mel = torch.randn(batch, config.mel_bands, stem.mel_features)
    return mel, torch.randn(batch, rows, stem.cochleagram_features)


def test_the_harmony_head_hears_the_harmony_alone() -> None:
    config = harmonic()
    torch.manual_seed(0)
    network = Damer(config).eval()
    mel, cochleagram = stem_inputs(config)
    other = cochleagram.clone()
    other[:, : config.cochlea_bands] += 1.0
    before, after = network(mel, cochleagram), network(mel + 1.0, other)
    torch.testing.assert_close(after.harmony, before.harmony)
    assert not torch.allclose(after.fused, before.fused)
    head = network.harmony_head
    assert head is not None
    first, second = head.hidden[0], head.hidden[3]
    assert isinstance(first, torch.nn.Linear)
    assert isinstance(second, torch.nn.Linear)
    gelu = torch.nn.functional.gelu
    hidden = gelu(cochleagram[:, config.cochlea_bands :].flatten(1) @ first.weight.T + first.bias)
    hidden = gelu(hidden @ second.weight.T + second.bias)
    expected = hidden @ head.answer.weight.T + head.answer.bias
    torch.testing.assert_close(before.harmony, expected, atol=1e-5, rtol=1e-5)


def test_the_harmony_weighs_as_much_as_the_three_heads_together() -> None:
    config = harmonic(styles=2)
    torch.manual_seed(0)
    network = Damer(config).eval()
    output = network(*stem_inputs(config))
    three = [head.softmax(-1)[:, 1] for head in (output.mel, output.cochleagram, output.fused)]
    expected = (sum(three, torch.zeros(5)) / 3 + output.harmony.softmax(-1)[:, 1]) / 2
    torch.testing.assert_close(network.probability(output), expected)


def test_harmony_is_read_over_a_context_of_its_own() -> None:
    narrow = Damer(harmonic(context_s=10, tonal_context_s=2)).stem
    wide = Damer(harmonic(context_s=10)).stem
    torch.manual_seed(0)
    mel, cochleagram = torch.randn(20, 8, 9), torch.rand(20, 12, 7)
    changed = cochleagram.clone()
    changed[13:] += torch.rand(7, 12, 7)  # keys look at two seconds more on either side
    centre = torch.tensor([10])
    for stem, same in ((narrow, True), (wide, False)):
        rows = [stem.tokens(mel, view, centre)[1][:, 12:] for view in (cochleagram, changed)]
        assert torch.equal(*rows) == same
    bands = [narrow.tokens(mel, view, centre)[1][:, :12] for view in (cochleagram, changed)]
    assert not torch.equal(*bands)


def test_harmony_needs_a_stem_that_reads_it() -> None:
    for setting in ("tonal_hidden", "tonal_context_s"):
        with pytest.raises(DamerError, match=f"{setting}=8: needs stem='statistics'"):
            vary(**{setting: 8})
