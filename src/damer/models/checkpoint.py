"""Checkpoints: one safetensors file that explains itself.

The tensors are the networks of one dimension (an ensemble of one or more); the file's header holds, as JSON,
everything needed to use them and to know where they came from. Nothing in the file is ever executed.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from damer.core.errors import DamerError
from damer.core.files import replacing
from damer.features.spec import FeatureSpec
from damer.models.companion import Companion, CompanionConfig
from damer.models.config import DamerConfig
from damer.models.damer import Damer

Dimension = Literal["arousal", "valence"]
Precision = Literal["float32", "float16"]

FORMAT_VERSION = 2
"""2 may hold a companion; a file without one is written as 1, which older versions read."""
_METADATA_KEY = "damer"
_MAX_MEMBERS = 64
_REMEDY = "use a checkpoint written by `damer train`"
_STORED = {"float32": torch.float32, "float16": torch.float16}
_COMPANION = "companion."
_HALVED = ("basis", "points")  # the companion's large tensors, which float16 halves


@dataclass
class Checkpoint:
    """Networks of one dimension with everything needed to use them.

    Attributes:
        dimension: what the networks tell: "arousal" (high) or "valence" (positive).
        networks: the members of the ensemble, at least one, in evaluation mode after `load`.
        companion: a kernel machine whose answer is blended with the networks', or None.
        spec: how the views they read are extracted.
        temperature: calibration temperature, above 0; logits are divided by it.
        record: how they were trained (recipe, seed, corpora, counts, metrics, commit, date); JSON values.
        name: the model's name.
        version: the model's version.
        sha256: digest of the file it was loaded from; empty before.
    """

    dimension: Dimension
    networks: list[Damer]
    spec: FeatureSpec
    temperature: float = 1.0
    record: dict[str, Any] = field(default_factory=dict)
    name: str = "damer"
    version: str = "0"
    sha256: str = ""
    companion: Companion | None = None

    @property
    def configs(self) -> list[DamerConfig]:
        """The configuration of each member."""
        return [network.config for network in self.networks]


def save(path: str | os.PathLike[str], checkpoint: Checkpoint, precision: Precision = "float32") -> str:
    """Write a checkpoint, whole or not at all, and return the file's SHA-256.

    Args:
        path: file to write, usually `*.safetensors`; its folder must exist.
        checkpoint: what to write; its `sha256` is ignored.
        precision: how weights are stored. "float32" is exact; "float16" halves the file and rounds each
            weight to 11 bits. Standardisation is always stored in float32.

    Raises:
        DamerError: the checkpoint is inconsistent, does not fit the precision, or cannot be written.
    """
    path = Path(path)
    metadata: dict[str, Any] = {
        "format": 1 if checkpoint.companion is None else FORMAT_VERSION,
        "name": checkpoint.name,
        "version": checkpoint.version,
        "dimension": checkpoint.dimension,
        "temperature": checkpoint.temperature,
        "spec": checkpoint.spec.to_dict(),
        "networks": [config.to_dict() for config in checkpoint.configs],
        "record": _finite(checkpoint.record),
    }
    if checkpoint.companion is not None:
        metadata["companion"] = checkpoint.companion.config.to_dict()
    _check_metadata(path, metadata)
    for config in checkpoint.configs:
        _check_views(path, config, checkpoint.spec)
    tensors: dict[str, Tensor] = {}
    for member, network in enumerate(checkpoint.networks):
        statistics = {name for name, _ in network.named_buffers()}
        for name, tensor in network.state_dict().items():
            dtype = torch.float32 if name in statistics else _STORED[precision]
            tensors[_key(member, name)] = tensor.detach().to("cpu", dtype).contiguous()
    if checkpoint.companion is not None:
        for name, tensor in checkpoint.companion.state_dict().items():
            dtype = _STORED[precision] if name in _HALVED else torch.float32
            tensors[_COMPANION + name] = tensor.detach().to("cpu", dtype).contiguous()
    _check_values(path, tensors)
    content = to_safetensors(tensors, {_METADATA_KEY: json.dumps(metadata, allow_nan=False, default=str)})
    _write(path, content)
    return hashlib.sha256(content).hexdigest()


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint and check all of it; the networks are float32, on the CPU, in evaluation mode.

    Raises:
        DamerError: the file is missing, damaged, of another kind or of a newer format, or its parts do not
            fit together; the message names the file and what to do.
    """
    path = Path(path)
    sha256 = _digest(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = _parse_metadata(path, file.metadata())
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise DamerError(f"{path}: {_other_kind(path, error)}: {_REMEDY}") from error
    try:
        spec = FeatureSpec.from_dict(metadata["spec"])
        configs = [DamerConfig.from_dict(settings) for settings in metadata["networks"]]
        shape = CompanionConfig.from_dict(metadata["companion"]) if "companion" in metadata else None
    except (DamerError, TypeError, ValueError, AttributeError) as error:
        raise DamerError(f"{path}: {error} (written by another version of damer? {_REMEDY})") from error
    for config in configs:
        _check_views(path, config, spec)
    _check_tensors(path, configs, shape, tensors)
    return Checkpoint(
        dimension=metadata["dimension"],
        networks=[_network(config, member, tensors) for member, config in enumerate(configs)],
        spec=spec,
        temperature=float(metadata["temperature"]),
        record=metadata["record"],
        name=metadata["name"],
        version=metadata["version"],
        sha256=sha256,
        companion=None if shape is None else _companion(shape, configs[0], tensors),
    )


def _key(member: int, name: str) -> str:
    return f"networks.{member}.{name}"


def _digest(path: Path) -> str:
    """SHA-256 of the file; the first to meet a file that is not there."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise DamerError(f"{path}: the file is empty: {_REMEDY}")
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise DamerError(f"{path}: no such file: give the path of a checkpoint (*.safetensors)") from error
    except OSError as error:
        raise DamerError(f"{path}: cannot be read ({error.strerror}): {_REMEDY}") from error


def _other_kind(path: Path, error: Exception) -> str:
    """What a file that is no safetensors file seems to be."""
    with path.open("rb") as file:
        start = file.read(2)
    if start == b"PK" or start[:1] == b"\x80":
        return "a pickled PyTorch file, which could run code, is never loaded"
    return f"not a readable safetensors file ({error})"


def _parse_metadata(path: Path, header: Mapping[str, str] | None) -> dict[str, Any]:
    """The JSON of the header, each field checked for presence and kind."""
    if not header or _METADATA_KEY not in header:
        raise DamerError(f"{path}: a safetensors file without damer's description: {_REMEDY}")
    try:
        metadata = json.loads(header[_METADATA_KEY])
    except (ValueError, RecursionError) as error:
        raise DamerError(f"{path}: its description is not valid JSON ({error}): {_REMEDY}") from error
    if not isinstance(metadata, dict):
        raise DamerError(f"{path}: its description is not a JSON object: {_REMEDY}")
    _check_metadata(path, metadata)
    return metadata


def _check_metadata(path: Path, metadata: dict[str, Any]) -> None:
    version = metadata.get("format")
    if type(version) is int and version > FORMAT_VERSION:
        raise DamerError(f"{path}: format {version} is newer than this damer reads: upgrade damer")
    temperature = metadata.get("temperature")
    networks = metadata.get("networks")
    sound = {
        "format": type(version) is int and 1 <= version <= FORMAT_VERSION,
        "name": isinstance(metadata.get("name"), str),
        "version": isinstance(metadata.get("version"), str),
        "dimension": metadata.get("dimension") in get_args(Dimension),
        "temperature": type(temperature) in (int, float) and 0 < float(temperature or 0) < math.inf,
        "spec": isinstance(metadata.get("spec"), dict),
        "networks": isinstance(networks, list)
        and 1 <= len(networks) <= _MAX_MEMBERS
        and all(isinstance(settings, dict) for settings in networks),
        "companion": isinstance(metadata.get("companion", {}), dict),
        "record": isinstance(metadata.get("record"), dict),
    }
    for name, good in sound.items():
        if not good:
            value = repr(metadata.get(name, "missing"))[:60]
            raise DamerError(f"{path}: its description has an impossible {name} ({value}): {_REMEDY}")


def _check_views(path: Path, config: DamerConfig, spec: FeatureSpec) -> None:
    """The network must read what the feature specification gives."""
    reads = (config.mel_bands, config.cochlea_bands, config.frames)
    gives = (spec.n_mels, spec.n_cochlea, spec.frames)
    if reads != gives:
        raise DamerError(
            f"{path}: the network reads (Mel bands, cochlea bands, frames) {reads} but its features give "
            f"{gives}: {_REMEDY}"
        )


def _check_tensors(
    path: Path, configs: list[DamerConfig], companion: CompanionConfig | None, tensors: dict[str, Tensor]
) -> None:
    """Names, shapes, kinds and values, before any memory is taken for a network."""
    shapes: dict[DamerConfig, dict[str, torch.Size]] = {}
    expected: dict[str, torch.Size] = {}
    for member, config in enumerate(configs):
        if config not in shapes:
            with torch.device("meta"):
                shapes[config] = {name: value.shape for name, value in Damer(config).state_dict().items()}
        expected |= {_key(member, name): shape for name, shape in shapes[config].items()}
    if companion is not None:
        with torch.device("meta"):
            own = Companion(companion, configs[0]).state_dict()
        expected |= {_COMPANION + name: value.shape for name, value in own.items()}
    for name in sorted(expected.keys() ^ tensors.keys()):
        problem = "is missing" if name in expected else "belongs to no network"
        raise DamerError(f"{path}: tensor {name} {problem}: {_REMEDY}")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name]:
            found, wanted = tuple(tensor.shape), tuple(expected[name])
            raise DamerError(f"{path}: tensor {name} has shape {found}, not {wanted}: {_REMEDY}")
        if tensor.dtype not in _STORED.values():
            raise DamerError(f"{path}: tensor {name} is {tensor.dtype}, not float32 or float16: {_REMEDY}")
    _check_values(path, tensors)


def _check_values(path: Path, tensors: dict[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise DamerError(
                f"{path}: tensor {name} holds values that are not finite in {tensor.dtype}: "
                "train again, or store in float32"
            )
        if name.endswith("_std") and not (tensor > 0).all():
            raise DamerError(f"{path}: tensor {name} holds deviations that are not above 0: {_REMEDY}")


def _network(config: DamerConfig, member: int, tensors: dict[str, Tensor]) -> Damer:
    with torch.random.fork_rng(devices=[]):  # initial weights are replaced: leave the caller's draws alone
        network = Damer(config)
    network.load_state_dict({name: tensors[_key(member, name)].float() for name in network.state_dict()})
    return network.eval()


def _companion(shape: CompanionConfig, config: DamerConfig, tensors: dict[str, Tensor]) -> Companion:
    companion = Companion(shape, config)
    companion.load_state_dict({name: tensors[_COMPANION + name].float() for name in companion.state_dict()})
    return companion.eval()


def _finite(value: Any) -> Any:
    """The same JSON value with None for numbers JSON cannot hold (an AUC of one class is NaN)."""
    if isinstance(value, Mapping):
        return {str(name): _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _write(path: Path, content: bytes) -> None:
    with replacing(path, "choose another place", lasting=True) as part:
        part.write_bytes(content)
