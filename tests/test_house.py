"""The rules of the house: what the package holds, how it starts, how long its files may grow."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import damer
from damer.examples import QUADRANTS

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LONGEST_FILE, LONGEST_FUNCTION, MOST_ARGUMENTS = 400, 60, 8
MEGABYTE = 1_000_000


def python_files() -> list[Path]:
    return [
        path for folder in ("src", "tests", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py")
    ]


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    arguments = [str(part) for part in command]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=ROOT, **options)  # type: ignore[call-overload, no-any-return]


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it printed."""
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# -- the package ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.e2e
def test_wheel_holds_all_that_runs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    wanted = {"damer/py.typed", "damer/examples/README.md"}
    wanted |= {f"damer/examples/{name}.ogg" for name in QUADRANTS}
    wanted |= {f"damer/weights/{dimension}.safetensors" for dimension in ("arousal", "valence")}
    # Whatever is not a Python file is found at run time by importlib.resources, so it must travel too.
    source = ROOT / "src"
    wanted |= {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    assert wanted <= names, f"missing: {sorted(wanted - names)}"
    assert {name.split("/")[0] for name in names} == {"damer", f"damer-{damer.__version__}.dist-info"}


@pytest.mark.e2e
def test_wheel_runs_from_elsewhere(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import damer, damer.cli, damer.examples as e;"
        "print(damer.__file__); print(e.example_path('sad').is_file()); damer.cli.main(['--version'])"
    )
    done = run(sys.executable, "-c", code)
    assert done.stdout.split() == [
        str(tmp_path / "damer" / "__init__.py"),
        "True",
        "damer",
        damer.__version__,
    ]


def test_size() -> None:
    """A clone stays small: 60 MB in all, and at most 10 MB of weights."""
    tracked = run("git", "ls-files", "-z")
    paths = [ROOT / name for name in tracked.stdout.split("\0") if name] or list((ROOT / "src").rglob("*"))
    sizes = {path: path.stat().st_size for path in paths if path.is_file()}
    assert sum(sizes.values()) <= 60 * MEGABYTE
    weights = {path: size for path, size in sizes.items() if path.suffix == ".safetensors"}
    assert sum(weights.values()) <= 10 * MEGABYTE, weights


# -- versions ------------------------------------------------------------------------------------------------


def test_version_has_one_source_and_everything_agrees() -> None:
    assert "version" in PYPROJECT["project"]["dynamic"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "src/damer/__init__.py"
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.M) == [damer.__version__]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(\d[^\]]*)\]", changes, re.M)[0] == damer.__version__


def requirements() -> list[Requirement]:
    project = PYPROJECT["project"]
    named = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    return [wanted for wanted in map(Requirement, named) if wanted.name != "damer"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("wanted", requirements(), ids=lambda wanted: wanted.name)
def test_every_requirement_is_pinned_within_its_range(wanted: Requirement) -> None:
    pinned = pins()
    assert canonicalize_name(wanted.name) in pinned, "run `make constraints`"
    assert pinned[canonicalize_name(wanted.name)] in wanted.specifier


# What a torch wheel built for CUDA brings along on its own account; the CPU wheel brings none of it.
OF_CUDA = ("nvidia-", "cuda-", "triton")


def runtime_closure() -> set[str]:
    """Names of the distributions that `pip install damer` brings, as this environment has them."""
    waiting = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
    found: set[str] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        if name.startswith(OF_CUDA):
            continue
        found.add(name)
        waiting += [Requirement(line) for line in metadata.requires(name) or []]
    return found


# Packages whose metadata states no licence; each was looked up.
LOOKED_UP = {"sphn": "Apache-2.0"}  # the LICENSE file in its wheel


def licence_of(name: str) -> str:
    """What a distribution says of its licence: expression, classifiers or the first line of the text."""
    about = metadata.metadata(name)
    stated = about.get_all("License-Expression", [])
    stated += [
        line.split(" :: ")[-1] for line in about.get_all("Classifier", []) if line.startswith("License")
    ]
    stated += [text.strip().splitlines()[0] for text in about.get_all("License", []) if text.strip()]
    return "; ".join(part for part in stated if part and part != "OSI Approved") or LOOKED_UP.get(name, "")


def test_every_package_at_run_time_is_pinned() -> None:
    assert runtime_closure() <= set(pins())


def test_no_gpl_at_run_time() -> None:
    for name in runtime_closure():
        licence = licence_of(name)
        assert licence, f"{name} states no licence: look at it and say here why it may be used"
        without_lesser = re.sub(r"LGPL|Lesser General Public|Library General Public", "", licence)
        assert not re.search(r"GPL|General Public|SSPL|Commons Clause", without_lesser), f"{name}: {licence}"


# -- start ---------------------------------------------------------------------------------------------------

HEAVY = ("torch", "scipy", "matplotlib", "pandas", "soundfile", "soxr")


@pytest.mark.parametrize(
    ("code", "forbidden"),
    [
        ("import damer", HEAVY),
        ("import damer.cli; damer.cli.build_parser().format_help()", HEAVY),
        (
            "import pkgutil, importlib, damer.core as core\n"
            "for found in pkgutil.walk_packages(core.__path__, 'damer.core.'):\n"
            "    importlib.import_module(found.name)",
            HEAVY,
        ),
        ("import damer.audio", ("torch",)),
        ("import damer.drawing", ("torch",)),
        ("import damer.examples", HEAVY),
    ],
)
def test_light_imports(code: str, forbidden: tuple[str, ...]) -> None:
    loaded = python(f"{code}\nimport sys; print(*[name for name in {forbidden} if name in sys.modules])")
    assert loaded == ""


@pytest.mark.e2e
def test_help_starts_at_once() -> None:
    """The goal is 0.3 s on a quiet machine; what a busy one does meanwhile is not counted."""
    times = []
    for _ in range(3):
        start = os.times()
        done = run(sys.executable, "-m", "damer", "--help")
        end = os.times()
        assert done.returncode == 0, done.stderr
        times.append(sum(end[2:4]) - sum(start[2:4]))  # of the processes started from here
    assert 0.02 < min(times) < 1.0


def test_unknown_command_is_one_line_and_status_2() -> None:
    done = run(sys.executable, "-m", "damer", "predcit")
    assert done.returncode == 2
    assert "predcit" in done.stderr
    assert "Traceback" not in done.stderr


# -- sizes of the code ---------------------------------------------------------------------------------------


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring, which may be as long as it is useful."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    return lines - ((first.end_lineno or 0) - first.lineno + 1 if documented else 0)


def test_files_and_functions_stay_short() -> None:
    too_long = []
    for path in python_files():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        where = path.relative_to(ROOT)
        if lines > LONGEST_FILE:
            too_long.append(f"{where}: {lines} lines")
        for function in functions(path):
            if body_lines(function) > LONGEST_FUNCTION:
                too_long.append(f"{where}:{function.lineno} {function.name}: {body_lines(function)} lines")
            arguments = function.args
            named = [
                argument.arg for argument in arguments.posonlyargs + arguments.args + arguments.kwonlyargs
            ]
            # A compiled kernel's helper takes its registers one by one: that is how they stay registers.
            compiled = any("njit" in ast.unparse(decorator) for decorator in function.decorator_list)
            if not compiled and len([name for name in named if name not in ("self", "cls")]) > MOST_ARGUMENTS:
                too_long.append(f"{where}:{function.lineno} {function.name}: {len(named)} arguments")
    assert not too_long, "\n".join(too_long)


def test_nothing_is_unpickled() -> None:
    """Loading a pickle runs whatever it holds; weights and features are safetensors, npy and JSON."""
    found = []
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            imported = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            imported += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            unpickles = isinstance(node, ast.keyword) and node.arg == "allow_pickle"
            if (
                isinstance(node, ast.keyword)
                and isinstance(node.value, ast.Constant)
                and not node.value.value
            ):
                unpickles = False
            banned = {"pickle", "joblib", "dill", "marshal", "shelve"} & set(imported)
            if banned or unpickles or called in {"eval", "exec", "torch.load"}:
                found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', '?')} {ast.unparse(node)}")
    assert not found, "\n".join(found)


# -- scripts -------------------------------------------------------------------------------------------------


def test_missing_system_packages_are_named_and_nothing_fails(tmp_path: Path) -> None:
    """Where there is no apt-get, the script says what to install and lets the rest go on."""
    for tool in ("bash", "id"):
        found = run("bash", "-c", f"command -v {tool}").stdout.strip()
        (tmp_path / tool).symlink_to(found)
    done = run("bash", ROOT / "scripts" / "system_packages.sh", env={"PATH": str(tmp_path)})
    assert done.returncode == 0
    assert {"ffmpeg", "fluidsynth"} <= set(done.stderr.split())
    assert done.stdout == ""


def test_ci_runs_make_test_without_standard_input() -> None:
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^exec make test </dev/null$", text, re.M)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
