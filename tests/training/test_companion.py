"""The networks' companion against scikit-learn, and on its way through a run, a file and a recogniser."""

import builtins
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from synthetic_music import SECONDS, SMALL, make_tokens, make_tracks

from damer import Recognizer
from damer.cli import main
from damer.core.errors import DamerError
from damer.features import extract
from damer.models import DamerConfig, checkpoint
from damer.models.companion import Companion, CompanionConfig, blend
from damer.training.bank import Bank, resident_bank
from damer.training.companion import companion_logits, fit_companion
from damer.training.run import read_predictions

Floats = NDArray[np.float64]
CONFIG = DamerConfig(frames=6, mel_bands=8, cochlea_bands=5, dim=8, fused_dim=8, heads=2)


def classes_of(bank: Bank) -> NDArray[np.int64]:
    return (bank.track_values("valence") > 0).astype(np.int64)


def averages(bank: Bank) -> Floats:
    """Return the mean over its seconds of each track's features, each block scaled by its width."""
    found = []
    for number in range(len(bank.tracks)):
        mel, cochleagram = bank.gather(bank.rows_of(number))
        found.append(torch.cat([mel.flatten(1), cochleagram.flatten(1)], dim=1).double().mean(0).numpy())
    return np.stack(found)


def scaled(values: Floats) -> Floats:
    widths = np.repeat([8 * 6, 5 * 6], [8 * 6, 5 * 6])
    limited: Floats = np.clip(StandardScaler().fit_transform(values), -5, 5) / np.sqrt(widths)
    return limited


@pytest.fixture
def two_corpora() -> Bank:
    """Two kinds of music: the second is louder in all bands, and its valence is upside down."""
    first, second = make_tracks(30), make_tracks(20, corpus="other")
    tokens = make_tokens(first) + [
        (2 - mel, 2 - cochleagram) for mel, cochleagram in make_tokens(second, noise=0.7)
    ]
    return resident_bank([*first, *second], tokens, [SECONDS] * 50)


def test_it_answers_as_scikit_learn_does(bank: Bank) -> None:
    truth = classes_of(bank)
    companion = fit_companion(bank, np.arange(bank.rows), truth, "all", CONFIG)
    places = PCA(random_state=0).fit_transform(scaled(averages(bank)))
    machine = SVC(C=2, gamma=0.5).fit(places, truth)
    expected = 2 * machine.decision_function(places)
    with torch.no_grad():
        found = companion(torch.from_numpy(averages(bank)).float())
    np.testing.assert_allclose(found.numpy(), np.clip(expected, -9.2, 9.2), atol=2e-3)


def test_styles_are_weighed_by_how_likely_they_are(two_corpora: Bank) -> None:
    truth = classes_of(two_corpora)
    companion = fit_companion(two_corpora, np.arange(two_corpora.rows), truth, "all", CONFIG)
    corpora = np.array([track.corpus for track in two_corpora.tracks])
    places = PCA(random_state=0).fit_transform(scaled(averages(two_corpora)))
    gate = LogisticRegression(C=2000, max_iter=5000).fit(places, corpora)
    mixed = np.zeros(len(corpora))
    for column, corpus in enumerate(gate.classes_):
        machine = SVC(C=2, gamma=0.5).fit(places[corpora == corpus], truth[corpora == corpus])
        probability = 1 / (1 + np.exp(-2 * machine.decision_function(places)))
        mixed += probability * gate.predict_proba(places)[:, column]
    with torch.no_grad():
        found = companion(torch.from_numpy(averages(two_corpora)).float()).sigmoid()
    np.testing.assert_allclose(found.numpy(), mixed, atol=0.01)
    assert np.mean((mixed > 0.5) == truth) > 0.9  # one reading for both kinds would be right for one of them


def test_it_learns_from_renders_too() -> None:
    tracks = make_tracks(40, renders=1)
    tokens = [
        (mel + 3 * track.variant, cochleagram + 3 * track.variant)  # the renders are much louder
        for track, (mel, cochleagram) in zip(tracks, make_tokens(tracks), strict=True)
    ]
    bank = resident_bank(tracks, tokens, [SECONDS] * len(tracks))
    truth = classes_of(bank)
    variant = np.array([track.variant for track in tracks])[bank.track_of_row]
    known = np.arange(bank.rows) < bank.rows // 2
    unheard = np.flatnonzero(~known & (variant == 1))

    def right(rows: NDArray[np.int64]) -> float:
        companion = fit_companion(bank, rows, truth, "all", CONFIG)
        answers = companion_logits(companion, bank, unheard) > 0
        return float(np.mean(answers == truth[bank.track_of_row[unheard]]))

    assert right(np.flatnonzero(known & (variant == 0))) < 0.7
    assert right(np.flatnonzero(known)) > 0.9


def test_a_second_is_answered_from_the_stretch_around_it(bank: Bank) -> None:
    companion = fit_companion(bank, np.arange(bank.rows), classes_of(bank), "mel", CONFIG)
    companion = _with_window(companion, 3)
    rows = np.array([0, 2, 5, 40, 41])  # of two tracks, the edges of one among them
    found = companion_logits(companion, bank, rows)
    for row, answer in zip(rows, found, strict=True):
        track = bank.rows_of(int(bank.track_of_row[row]))
        stretch = [other for other in (row - 1, row, row + 1) if track[0] <= other <= track[-1]]
        mel, _ = bank.gather(np.array(stretch))
        with torch.no_grad():
            by_hand = companion(mel.float().flatten(1).mean(0, keepdim=True))
        assert answer == pytest.approx(by_hand.item(), abs=1e-4)


def _with_window(companion: Companion, window_s: int) -> Companion:
    changed = Companion(replace(companion.config, window_s=window_s), CONFIG)
    changed.load_state_dict(companion.state_dict())
    return changed.eval()


def test_the_blend_is_the_mean_of_two_logits() -> None:
    probability = torch.tensor([0.5, 0.9, 0.0, 0.2])
    logit = torch.tensor([2.0, -2.1972246, 0.0, 1.3862944])
    expected = [1 / (1 + np.exp(-1)), 0.5, 1 / (1 + np.exp(9.21 / 2)), 0.5]
    np.testing.assert_allclose(blend(probability, logit).numpy(), expected, atol=1e-4)


def test_a_corpus_of_one_class_is_refused(bank: Bank) -> None:
    with pytest.raises(DamerError, match="toy: its training tracks are all of one class"):
        fit_companion(bank, np.arange(bank.rows), np.ones(24, np.int64), "mel", CONFIG)


def test_without_scikit_learn_it_says_what_to_install(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(DamerError, match=r"needs scikit-learn: pip install 'damer\[baselines\]'"):
        fit_companion(bank, np.arange(bank.rows), classes_of(bank), "mel", CONFIG)


@pytest.fixture(scope="module")
def run(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose networks have a companion."""
    out = tmp_path_factory.mktemp("runs") / "run"
    command = ["train", "tiny", "--data", str(store), "--out", str(out), "--dimension", "arousal", "--quiet"]
    for setting in (*SMALL, "epochs=1"):
        command += ["--set", setting]
    assert main([*command, "--companion", "all"]) == 0
    return out


def test_a_run_with_a_companion_is_judged_with_it(
    run: Path, store: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trained = checkpoint.load(run / "arousal.safetensors")
    assert trained.companion is not None
    assert trained.record["companion"] == trained.companion.config.to_dict()
    own = {item.id: item.probability for _, item in read_predictions(run / "predictions.jsonl")}
    again = tmp_path / "again.jsonl"
    assert main(["evaluate", str(run), "--data", str(store), "--skip-seen", "--predictions", str(again)]) == 0
    found = _probabilities(again)
    assert found == pytest.approx(own, abs=1e-5)
    alone = replace(trained, companion=None)
    checkpoint.save(tmp_path / "alone.safetensors", alone)
    main(["evaluate", str(tmp_path / "alone.safetensors"), "--data", str(store), "--skip-seen",
          "--predictions", str(again)])  # fmt: skip
    found = _probabilities(again)
    assert max(abs(found[name] - value) for name, value in own.items()) > 0.01
    capsys.readouterr()


def _probabilities(path: Path) -> dict[str, float]:
    return {line["id"]: line["probability"] for line in map(json.loads, path.read_text().splitlines())}


def test_a_file_keeps_the_companion_and_old_files_their_format(run: Path, tmp_path: Path) -> None:
    trained = checkpoint.load(run / "arousal.safetensors")
    assert trained.companion is not None
    for precision, tolerance in (("float32", 0.0), ("float16", 0.01)):
        checkpoint.save(tmp_path / "a.safetensors", trained, precision)  # type: ignore[arg-type]
        read = checkpoint.load(tmp_path / "a.safetensors").companion
        assert read is not None
        assert read.config == trained.companion.config
        assert not read.training
        averaged = torch.randn(5, 8 * 6 + 5 * 6)
        with torch.no_grad():
            difference = (read(averaged) - trained.companion(averaged)).abs().max()
        assert difference <= tolerance
    formats = []
    for name, item in (("with", trained), ("without", replace(trained, companion=None))):
        checkpoint.save(tmp_path / name, item)
        with safe_open(tmp_path / name, "pt") as file:
            formats.append(json.loads(file.metadata()["damer"])["format"])
    assert formats == [2, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"views": "ears"}, "views must be"),
        ({"components": 0}, "components must be"),
        ({"components": 3}, "has shape"),
        ({"window_s": 0.5}, "window_s must be"),
        ({"points": [0]}, "points must be"),
        ({"points": "many"}, "not complete"),
        ({"points": [10**9]}, "points must be"),
        ({"colour": "red"}, "not complete"),
    ],
)
def test_a_damaged_companion_is_refused(
    run: Path, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    source, path = run / "arousal.safetensors", tmp_path / "a.safetensors"
    with safe_open(source, "pt") as file:
        description = json.loads(file.metadata()["damer"])
    description["companion"] |= change
    save_file(load_file(source), path, {"damer": json.dumps(description)})
    with pytest.raises(DamerError, match=message) as caught:
        checkpoint.load(path)
    assert str(caught.value).startswith(str(path))


def test_a_companion_without_its_description_is_refused(run: Path, tmp_path: Path) -> None:
    source, path = run / "arousal.safetensors", tmp_path / "a.safetensors"
    with safe_open(source, "pt") as file:
        description = json.loads(file.metadata()["damer"])
    del description["companion"]
    save_file(load_file(source), path, {"damer": json.dumps(description)})
    with pytest.raises(DamerError, match=r"companion\.basis belongs to no network"):
        checkpoint.load(path)


def _with_a_companion(path: Path, folder: Path) -> Path:
    """Write a checkpoint with a companion of random numbers that reads eight seconds."""
    item = checkpoint.load(path)
    companion = Companion(CompanionConfig("all", (4, 3), 6, window_s=8), item.configs[0])
    generator = torch.Generator().manual_seed(3)
    for name, size in {"basis": 0.1, "points": 0.5, "weights": 3.0, "gate": 1.0, "offsets": 1.0}.items():
        buffer = companion.get_buffer(name)
        buffer.copy_(size * torch.randn(buffer.shape, generator=generator))
    item.companion = companion
    target = folder / path.name
    checkpoint.save(target, item)
    return target


def test_a_recogniser_blends_it_in_and_a_stream_says_the_same(
    context_checkpoints: tuple[Path, Path],
    tone: Callable[[float, float], NDArray[np.float32]],
    tmp_path: Path,
) -> None:
    arousal = _with_a_companion(context_checkpoints[0], tmp_path)
    plain, heard = Recognizer(*context_checkpoints), Recognizer(arousal, context_checkpoints[1])
    assert (plain.context_s, heard.context_s) == (8, 16)
    rate = 22050
    sound = tone(20, 330.0) * np.linspace(0.1, 1, 20 * rate, dtype=np.float32)
    without, whole = plain.from_samples(sound, rate), heard.from_samples(sound, rate)
    item = checkpoint.load(arousal)
    assert item.companion is not None
    views = extract(sound, rate, item.spec)
    stem = item.companion.stem
    tokens = stem.tokens(
        *stem.summarise(torch.from_numpy(views.mel), torch.from_numpy(views.cochleagram)), torch.arange(20)
    )
    for second, (one, other) in enumerate(zip(without.segments, whole.segments, strict=True)):
        low, high = max(0, second - 4), second + 4
        flat = torch.cat([tokens[0].flatten(1), tokens[1].flatten(1)], dim=1)[low:high].mean(0, keepdim=True)
        with torch.no_grad():
            logit = item.companion(flat).item()
        between = (np.log(one.arousal / (1 - one.arousal)) + logit) / 2
        assert other.arousal == pytest.approx(1 / (1 + np.exp(-between)), abs=2e-3)
        assert other.valence == one.valence
    lookahead = heard.context_s // 2
    blocks = np.array_split(sound, 37)
    live = list(heard.stream(blocks, rate, lookahead_s=lookahead))
    for one, other in zip(live[lookahead:], whole.segments[lookahead:], strict=True):
        assert one.arousal == pytest.approx(other.arousal, abs=2e-3)
