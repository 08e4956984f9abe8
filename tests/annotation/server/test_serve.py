"""`damer annotate serve` as a user starts it: a process, a port, an end in good order."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from annotate_api import API, SETTINGS, tracks
from annotate_server import free_port
from postgres import Cluster

from damer.annotation.server import serving
from damer.annotation.server.answers import About
from damer.annotation.server.config import make_folder
from damer.annotation.server.studies import Draft
from damer.cli import main
from damer.core.errors import DamerError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "study"
    rows = tracks(folder, (1.0,) * 8, (".flac",))
    exemplars = [(rows[0], (0.6, 0.6))]
    draft = Draft("Served", rows[4:], ["a01", "a02"], exemplars, rows[1:4], SETTINGS, About())
    asyncio.run(make_folder(folder, draft))
    return folder


@contextlib.contextmanager
def served(folder: Path, words: Sequence[str] = ()) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start the command on a free port; give the process and its address, as it says it."""
    command = [sys.executable, "-m", "damer", "annotate", "serve", str(folder), "--port", "0", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"(https?://\S+) \(Ctrl-C", line):
                yield process, found[1]
                return
        raise AssertionError(f"it did not start: {process.wait(10)}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
        return bytes(answer.read())


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_within_moments(folder: Path, number: signal.Signals) -> None:
    with served(folder) as (process, address):
        assert json.loads(get(f"{address}{API}/health"))["status"] == "ok"
        with contextlib.suppress(OSError):
            get(f"{address}{API}/audio/secretname")
        # Somebody who keeps a connection open, and somebody who never sends the rest of a request.
        port = int(address.rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port)) as idle,
            socket.create_connection(("127.0.0.1", port)) as slow,
        ):
            idle.sendall(f"GET {API}/health HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            idle.recv(100)
            slow.sendall(f"POST {API}/session HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n".encode())
            time.sleep(0.2)
            began = time.perf_counter()
            process.send_signal(number)
            status = process.wait(20)
        assert status == 0
        assert time.perf_counter() - began < 8.0  # about 1.3 s on a quiet machine
        assert process.stderr is not None
        said = process.stderr.read()
        assert "Traceback" not in said
        assert "secretname" not in said, "addresses are not logged"


@pytest.mark.e2e
def test_a_second_server_and_a_taken_port_are_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with served(folder) as (_, address):
        port = address.rpartition(":")[2]
        for words, wanted in (
            (["--port", port], "choose another --port"),
            (["--port", "0"], "is served already"),
        ):
            assert main(["annotate", "serve", str(folder), *words]) == 1
            (line,) = capfd.readouterr().err.strip().splitlines()
            assert line.startswith("damer: ")
            assert wanted in line


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--workers", "2"], "PostgreSQL"),
        (["--tls-cert", "cert.pem"], "together"),
        (["--tls-cert", "none.pem", "--tls-key", "none.pem"], "none.pem"),
        (["--host", "no.such.host.invalid"], "is not known"),
        (["--host", "192.0.2.1"], "cannot be listened at"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    folder: Path, words: list[str], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["annotate", "serve", str(folder), "--port", "0", *words]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert wanted in line


def test_a_folder_without_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["annotate", "serve", str(tmp_path), "--port", "0"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "annotate init" in line


@pytest.mark.parametrize("words", [["--port", "70000"], ["--port", "x"], ["--workers", "0"], ["--nothing"]])
def test_wrong_usage(folder: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["annotate", "serve", str(folder), *words])
    assert caught.value.code == 2
    assert words[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "warned"),
    [
        ([], False),
        (["--host", "localhost"], False),
        (["--host", "0.0.0.0"], True),
        (["--host", "0.0.0.0", "--behind-proxy"], False),
    ],
)
def test_an_open_door_without_tls_is_told(
    folder: Path,
    words: list[str],
    warned: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "serve", lambda *_: None)
    assert main(["annotate", "serve", str(folder), "--port", "0", *words]) == 0
    assert ("without TLS" in capsys.readouterr().err) == warned


def test_only_this_machine_by_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(serving, "serve", lambda _, listener, __: seen.append(listener.getsockname()[0]))
    assert main(["annotate", "serve", str(folder), "--port", "0"]) == 0
    assert seen == ["127.0.0.1"]


@pytest.mark.e2e
def test_tls(folder: Path, tmp_path: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    command += ["-keyout", "key.pem", "-out", "cert.pem", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("openssl is missing")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    with served(folder, ["--tls-cert", str(cert), "--tls-key", str(key)]) as (_, address):
        assert address.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(f"{address}{API}/health", timeout=20, context=trusted) as answer:  # noqa: S310
            assert "max-age" in answer.headers["strict-transport-security"]
    key.write_text(cert.read_text())
    with pytest.raises(DamerError, match="cannot be used"):
        serving.check_tls(serving.Serving(folder, "", tls_cert=cert, tls_key=key))


def test_a_free_port_is_free() -> None:
    with (
        serving.listen("127.0.0.1", free_port()) as listener,
        pytest.raises(DamerError, match="choose another"),
    ):
        serving.listen("127.0.0.1", listener.getsockname()[1])


@pytest.mark.slow
@pytest.mark.e2e
def test_several_workers_share_a_port_and_one_that_dies_is_replaced(cluster: Cluster, tmp_path: Path) -> None:
    url, folder = cluster.emptied(), tmp_path / "study"
    rows = tracks(folder, (1.0,) * 8, (".flac",))
    draft = Draft("Several", rows[4:], ["a01"], [(rows[0], (0.6, 0.6))], rows[1:4], SETTINGS, About())
    asyncio.run(make_folder(folder, draft, url))
    with served(folder, ["--workers", "2"]) as (process, address):
        workers = children(process.pid)
        for _ in range(200):
            with contextlib.suppress(OSError):
                get(f"{address}{API}/health")
                break
            time.sleep(0.1)
        os.kill(workers[0], signal.SIGKILL)
        until = time.monotonic() + 30
        while set(children(process.pid)) == set(workers) or len(children(process.pid)) < 2:
            assert time.monotonic() < until, "no worker came in place of the one that died"
            time.sleep(0.05)
        assert workers[1] in children(process.pid)
        assert json.loads(get(f"{address}{API}/health"))["status"] == "ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert children(process.pid) == []


def children(pid: int) -> list[int]:
    """Return the servers that a process has started, by their ids."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = (stat.parent / "cmdline").read_bytes()
            if parent == pid and b"spawn_main" in command:
                found.append(int(stat.parent.name))
    return sorted(found)
