"""The built pages: whole, from this server alone, nothing inline, every licence named."""

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from damer.annotation.server.pages import WEB

ROOT = Path(__file__).parents[3]
PACKAGE = json.loads((ROOT / "web" / "package.json").read_text(encoding="utf-8"))
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def index() -> str:
    if not (WEB / "index.html").is_file():
        pytest.skip("the pages are not built (make web)")
    return (WEB / "index.html").read_text(encoding="utf-8")


def test_the_page_keeps_the_content_security_policy(index: str) -> None:
    assert re.findall(r"<script\b(?![^>]*\bsrc=)", index) == []
    assert re.findall(r"<style\b|\sstyle=|\son\w+=", index) == []
    addresses = re.findall(r'(?:src|href)="([^"]+)"', index)
    assert len(addresses) >= 3  # script, style, icon
    for address in addresses:
        assert address.startswith("/assets/"), f"{address} is not kept by browsers"
        assert (WEB / address[1:]).is_file(), f"{address} is not there"


def test_nothing_is_fetched_from_elsewhere(index: str) -> None:
    for path in (WEB / "assets").iterdir():
        text = path.read_text(encoding="utf-8")
        # Names of XML, and what React-like libraries call their own errors, are no addresses that are asked.
        found = set(re.findall(r"https?://[\w.-]+", text)) - {"http://www.w3.org"}
        assert found == set(), f"{path.name}: {sorted(found)}"
        assert "sourceMappingURL" not in text
        assert not re.search(r"\beval\(|new Function\(", text), path.name


def test_each_file_is_named_by_its_content_and_small(index: str) -> None:
    files = list((WEB / "assets").iterdir())
    for path in files:
        assert re.search(r"-[\w-]{8}\.(js|css|svg)$", path.name), path.name
    assert sum(path.stat().st_size for path in files) < MEGABYTE / 2


def test_every_package_in_the_bundle_is_named_with_its_licence(index: str) -> None:
    text = (WEB / "licences.txt").read_text(encoding="utf-8")
    named = dict(re.findall(r"^(@?[\w/.-]+) (\d\S*) \(", text, re.M))
    assert set(PACKAGE["dependencies"]) <= set(named)
    for name, version in PACKAGE["dependencies"].items():
        assert named[name] == version
    assert text.count("Permission is hereby granted") >= len(PACKAGE["dependencies"])
    assert not re.search(r"GENERAL PUBLIC LICENSE|Mozilla Public License", text, re.I)


def test_versions_are_exact_and_the_lock_names_no_server() -> None:
    for versions in (PACKAGE["dependencies"], PACKAGE["devDependencies"]):
        for name, version in versions.items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name}: {version} is a range"
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if not entry.get("integrity")] == []
    # Whoever builds on another system needs the binaries of that system in the lock, too.
    for system in ("linux-x64", "linux-arm64", "darwin-arm64", "win32-x64"):
        assert f"node_modules/@biomejs/cli-{system}" in packages
        assert any(name.startswith(f"node_modules/@rolldown/binding-{system}") for name in packages)


def test_the_repository_holds_no_generated_client_files() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"*.gen.ts", "src/damer/annotation/server/static/", "node_modules/"} <= set(ignored)


@pytest.mark.slow
def test_a_wheel_made_from_the_source_distribution_holds_the_pages(index: str, tmp_path: Path) -> None:
    """Who builds from the source distribution has no git and no node."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "-q", "--no-isolation", "--outdir", tmp_path, ROOT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    place = WEB.relative_to(ROOT / "src")
    wanted = {(place / path.relative_to(WEB)).as_posix() for path in WEB.rglob("*") if path.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        assert wanted <= set(archive.namelist())
    (source,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"web/package-lock.json", "web/src/main.tsx"} <= names
    assert not any("node_modules" in name for name in names)


def test_every_picture_is_in_the_documentation_and_all_are_small() -> None:
    folder = ROOT / "docs" / "images" / "annotate"
    pictures = {path.name for path in folder.iterdir()}
    page = (ROOT / "docs" / "annotate-pages.md").read_text(encoding="utf-8")
    assert set(re.findall(r"images/annotate/([\w-]+\.webp)", page)) == pictures
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3 * MEGABYTE
    names = {name.rpartition("-")[0] for name in pictures}
    variants = {name for name in names if name.endswith(("-zh", "-dark"))}
    assert pictures == {f"{name}-1280.webp" for name in names} | {
        f"{name}-{width}.webp" for name in names - variants for width in (1920, 390)
    }
