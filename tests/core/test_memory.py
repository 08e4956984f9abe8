"""Memory that is freed and asked for again stays with the process."""

import platform
import subprocess
import sys

import pytest

from damer.core import memory
from damer.core.memory import keep_freed_memory

_FAULTS = """
import resource, sys
from damer.core.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        block = bytearray(64 << 20)
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


def page_faults(mode: str) -> int:
    done = subprocess.run([sys.executable, "-c", _FAULTS, mode], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_large_blocks_are_cleared_by_the_system_only_once() -> None:
    assert page_faults("keep") * 100 < page_faults("leave")


def test_what_was_asked_for_is_never_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_kept", 1 << 30)
    monkeypatch.setattr("ctypes.CDLL", None)  # not called
    assert keep_freed_memory(1 << 20)


def test_other_systems_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_kept", 0)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False
