"""The look-up of known vulnerabilities: what is found fails, what could not be looked up is told."""

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "audit.py"
PROBLEM = {
    "id": "PYSEC-2026-1",
    "fix_versions": ["1.0.1", "0.9.9"],
    "aliases": ["CVE-2026-1"],
    "description": "x",
}
CLEAN = {"dependencies": [{"name": "good", "version": "2.0", "vulns": []}], "fixes": []}
SILENT = {"dependencies": [{"name": "good", "skip_reason": "not found on PyPI"}], "fixes": []}
FOUND = {"dependencies": [*CLEAN["dependencies"], {"name": "bad", "version": "1.0", "vulns": [PROBLEM]}]}
NPM_CLEAN = {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 12}}}
NPM_FOUND = {
    **NPM_CLEAN,
    "vulnerabilities": {"worse": {"range": "<2", "severity": "high", "fixAvailable": True}},
}
NPM_SILENT = {"message": "405 Method Not Allowed", "error": {"summary": "", "detail": ""}}


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("python", "npm", "status", "told"),
    [
        (CLEAN, NPM_CLEAN, 0, ["1 of 1 Python packages looked up", "12 of 12 npm packages looked up"]),
        (FOUND, NPM_CLEAN, 1, ["bad 1.0: PYSEC-2026-1, mended in 1.0.1, 0.9.9"]),
        (CLEAN, NPM_FOUND, 1, ["worse <2: high, npm audit fix mends it"]),
        (
            SILENT,
            NPM_SILENT,
            0,
            ["Python packages could not be looked up", "npm packages could not be looked up"],
        ),
        (SILENT, NPM_FOUND, 1, ["Python packages could not be looked up", "worse <2"]),
        ("no JSON", [], 0, ["Python packages could not", "npm packages could not"]),
    ],
)
def test_audit(
    audit: ModuleType, python: Any, npm: Any, status: int, told: list[str], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        answer = python if "pip_audit" in command else npm
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return subprocess.CompletedProcess(command, 1, text, "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(audit.shutil, "which", lambda _: "npm")
    assert audit.main() == status
    said = capsys.readouterr()
    for words in told:
        assert words in said.out + said.err
