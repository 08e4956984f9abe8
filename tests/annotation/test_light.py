"""The protocol is pure: importing it loads no database, table, plot or network library."""

import subprocess
import sys


def loaded(module: str) -> set[str]:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_protocol_needs_numpy_alone() -> None:
    heavy = {"torch", "scipy", "pandas", "pyarrow", "matplotlib", "soundfile", "sqlite3"}
    assert not loaded("damer.annotation.protocol") & heavy


def test_a_study_is_read_without_torch() -> None:
    assert not loaded("damer.annotation.records, damer.annotation.simulation") & {"torch", "matplotlib"}
