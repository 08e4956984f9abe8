"""The network's training step and inference beside the plain way and ONNX Runtime, side by side in one run.

The plain network is the same DAMER with PyTorch's nn.MultiheadAttention and nn.Dropout in float32, given the
same weights. Every subject takes its turn in every round; a row is the median of its rounds. With one thread
the clock is CPU time, with more it is wall time. Ratios are of segments a second.

    python benchmarks/network.py [--threads 2] [--rounds 7] [--batch 256] [--seconds 60] [--json FILE]

ONNX Runtime is measured where `onnxruntime`, `onnx` and `onnxscript` are installed.
"""

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from damer.models import Damer
from damer.objectives import total_loss

Subject = Callable[[], object]
GOALS = {"training": {"plain": 3.0}, "inference": {"plain": 3.0, "onnxruntime": 2.0}}
CEILING_GOAL = 0.45


class PlainDirection(nn.Module):
    """One direction of a cross-view layer as a textbook writes it, with the weights of ours."""

    def __init__(self, ours: nn.Module, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.attention_norm, self.ffn_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.ffn = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.dropout = nn.Dropout(dropout)
        state = ours.state_dict()
        for kind in ("weight", "bias"):
            parts = [state[f"attention.query.{kind}"], state[f"attention.key_value.{kind}"]]
            getattr(self.attention, f"in_proj_{kind}").data.copy_(torch.cat(parts))
        self.attention.out_proj.load_state_dict(ours.get_submodule("attention.output").state_dict())
        names = ("attention_norm", "attention_norm"), ("ffn_norm", "ffn_norm"), ("ffn.0", "expand")
        for own, other in (*names, ("ffn.2", "contract")):
            self.get_submodule(own).load_state_dict(ours.get_submodule(other).state_dict())

    def forward(self, asking: Tensor, answering: Tensor) -> Tensor:
        """Equations 3 to 8."""
        heard = self.attention(asking, answering, answering, need_weights=False)[0]
        tokens = self.attention_norm(asking + self.dropout(heard))
        return self.ffn_norm(tokens + self.dropout(self.ffn(tokens)))


class PlainLayer(nn.Module):
    """Both directions."""

    def __init__(self, ours: nn.Module, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.mel = PlainDirection(ours.get_submodule("mel"), dim, heads, dropout)
        self.cochleagram = PlainDirection(ours.get_submodule("cochleagram"), dim, heads, dropout)

    def forward(self, mel: Tensor, cochleagram: Tensor) -> tuple[Tensor, Tensor]:
        """Both from the same input."""
        return self.mel(mel, cochleagram), self.cochleagram(cochleagram, mel)


def plain_network(ours: Damer) -> Damer:
    plain = Damer(ours.config)
    plain.load_state_dict(ours.state_dict())
    config = ours.config
    plain.layers = nn.ModuleList(
        PlainLayer(layer, config.dim, config.heads, config.dropout) for layer in ours.layers
    )
    return plain


def views(network: Damer, batch: int) -> tuple[Tensor, Tensor]:
    config = network.config
    shapes = (config.mel_bands, config.frames), (config.cochlea_bands, config.frames)
    return torch.randn(batch, *shapes[0]), torch.randn(batch, *shapes[1])


def training_step(network: Damer, batch: int, bfloat16: bool, compiled: bool = False) -> Subject:
    """A step of the objective without pool and memory: forward, backward, Adam."""
    inputs, labels = views(network, batch), torch.randint(0, 2, (batch,))
    optimiser = torch.optim.Adam(network.train().parameters())
    forward = torch.compile(network) if compiled else network

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            output = forward(*inputs)
        total_loss((output.mel, output.cochleagram, output.fused), labels, tau=1.0).total.backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def inference(network: Damer, inputs: tuple[Tensor, Tensor], bfloat16: bool) -> Callable[[], Tensor]:
    network.eval()

    @torch.inference_mode()
    def answer() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            output = network(*inputs)
        return network.probability(output)

    return answer


def onnx_inference(network: Damer, inputs: tuple[Tensor, Tensor], threads: int) -> Callable[[], Any] | None:
    if any(importlib.util.find_spec(name) is None for name in ("onnxruntime", "onnx", "onnxscript")):
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        torch.onnx.export(network.eval(), inputs, path, dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {slot.name: view.numpy() for slot, view in zip(session.get_inputs(), inputs, strict=True)}
    return lambda: session.run(None, feed)


def medians(subjects: dict[str, Subject], rounds: int, threads: int) -> dict[str, float]:
    """Median seconds of each subject, all of them in turn in every round."""
    clock = time.process_time if threads == 1 else time.perf_counter
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    for subject in subjects.values():
        subject()
        subject()
    for _ in range(rounds):
        for name, subject in subjects.items():
            start = clock()
            subject()
            taken[name].append(clock() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def ceiling(dtype: torch.dtype, rounds: int, threads: int) -> float:
    """The best rate of a large matrix product, in GFLOP/s."""
    left, right = torch.randn(2048, 2048).to(dtype), torch.randn(2048, 2048).to(dtype)
    return 2 * 2048**3 / medians({"product": lambda: left @ right}, rounds, threads)["product"] / 1e9


def flops(network: Damer, batch: int, backward: bool) -> float:
    """Floating-point operations a segment in matrix products, counted by PyTorch."""
    inputs = views(network, batch)
    counter = FlopCounterMode(display=False)
    with counter, torch.set_grad_enabled(backward):
        output = network(*inputs)
        if backward:
            torch.cat([part.flatten() for part in output[:3]]).sum().backward()
    network.zero_grad()
    return counter.get_total_flops() / batch


def table(task: str, batch: int, seconds: dict[str, float], operations: float) -> dict[str, Any]:
    """Print one table and return its rows."""
    print(f"\n{task}: {batch} segments, {operations / 1e6:.0f} MFLOP each")
    rows: dict[str, Any] = {}
    for name, taken in seconds.items():
        rate = batch / taken
        rows[name] = {"ms": 1e3 * taken, "segments_per_s": rate, "gflop_per_s": rate * operations / 1e9}
        rows[name]["ratio_to_plain"] = seconds["plain float32"] / taken
        row = rows[name]
        print(
            f"  {name:22s} {row['ms']:8.1f} ms {rate:7.0f} segments/s {row['gflop_per_s']:6.0f} GFLOP/s "
            f"{row['ratio_to_plain']:5.2f} x plain"
        )
    for peer, goal in GOALS[task].items():
        names = [name for name in seconds if name.startswith(peer)]
        for name in names:
            ratio = seconds[name] / seconds["ours bfloat16"]
            rows[f"goal: ours against {name}"] = {"ratio": ratio, "goal": goal, "reached": ratio >= goal}
            verdict = "reached" if ratio >= goal else "not reached"
            print(f"  ours / {name}: {ratio:.2f}, goal {goal:g}: {verdict}")
    return rows


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    threads, rounds = arguments.threads, arguments.rounds
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    result: dict[str, Any] = {"threads": threads, "torch": torch.__version__}
    result["ceiling_gflop_per_s"] = {
        str(dtype)[6:]: ceiling(dtype, rounds, threads) for dtype in (torch.float32, torch.bfloat16)
    }
    print(f"{threads} thread(s); matrix products reach", result["ceiling_gflop_per_s"])

    batch = arguments.batch
    subjects: dict[str, Subject] = {
        "plain float32": training_step(plain_network(Damer()), batch, bfloat16=False),
        "ours float32": training_step(Damer(), batch, bfloat16=False),
        "ours bfloat16": training_step(Damer(), batch, bfloat16=True),
    }
    if arguments.compile:
        subjects["ours compiled"] = training_step(Damer(), batch, bfloat16=True, compiled=True)
    operations = flops(Damer(), 8, backward=True)
    result["training"] = table("training", batch, medians(subjects, rounds, threads), operations)
    share = result["training"]["ours bfloat16"]["gflop_per_s"] / result["ceiling_gflop_per_s"]["bfloat16"]
    result["training"]["goal: share of the ceiling"] = {"ratio": share, "goal": CEILING_GOAL}
    print(f"  ours bfloat16 runs at {share:.0%} of the bfloat16 ceiling, goal {CEILING_GOAL:.0%}")

    ours = Damer()
    plain, inputs = plain_network(ours), views(ours, arguments.seconds)
    subjects = {
        "plain float32": inference(plain, inputs, bfloat16=False),
        "ours float32": inference(ours, inputs, bfloat16=False),
        "ours bfloat16": inference(ours, inputs, bfloat16=True),
    }
    exported = onnx_inference(plain, inputs, threads)
    if exported is None:
        print("\nonnxruntime, onnx and onnxscript are not all installed: left out")
    else:
        subjects["onnxruntime float32"] = exported
    operations = flops(Damer(), 8, backward=False)
    result["inference"] = table(
        "inference", len(inputs[0]), medians(subjects, 3 * rounds, threads), operations
    )
    exact = inference(plain, inputs, bfloat16=False)()
    for bfloat16 in (False, True):
        difference = (inference(ours, inputs, bfloat16)() - exact).abs().max().item()
        name = f"ours {'bfloat16' if bfloat16 else 'float32'}"
        result["inference"][name]["largest_probability_difference"] = difference
        print(f"  {name}: probabilities differ from the plain network's by at most {difference:.1e}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--rounds", type=int, default=7, help="rounds of training; inference takes three times as many"
    )
    parser.add_argument("--batch", type=int, default=256, help="segments of a training step")
    parser.add_argument("--seconds", type=int, default=60, help="segments asked about at once in inference")
    parser.add_argument(
        "--compile", action="store_true", help="also measure torch.compile (needs a C++ compiler)"
    )
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    result = measure(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
        print(f"\nWritten: {arguments.json}")


if __name__ == "__main__":
    main()
