"""Every package in `extensions/`: found through its entry point, and whole from a wheel in an environment of its own.

A package is one more folder there; nothing here names one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from spa2v.demo import demo_recording
from spa2v.testing import toy_layout
from tests.kit.environments import Environment, make_environment
from tests.kit.extension_packages import EXTENSIONS, FACE, PACKAGES, ROOT, Package

NAMES = [package.folder.name for package in PACKAGES]
of_each_package = pytest.mark.parametrize("package", PACKAGES, ids=NAMES)


def test_there_are_packages() -> None:
    assert PACKAGES
    strays = [path.name for path in EXTENSIONS.iterdir() if path.is_dir() and path.name not in NAMES]
    assert not strays, "a folder without a pyproject.toml"


@of_each_package
def test_a_package_is_an_example(package: Package) -> None:
    assert package.name == package.folder.name
    assert (package.folder / "README.md").is_file()
    assert list(package.folder.glob("tests/test_*.py"))
    assert package.presets, "a config that uses it"
    assert package.name in (ROOT / "docs" / "extending.md").read_text(), "docs/extending.md lists what is there"
    tests = "".join(path.read_text() for path in package.folder.glob("tests/test_*.py"))
    assert "spa2v_component(" in tests or "check_component(" in tests, "its contract is tested"


@of_each_package
def test_a_package_imports_the_face_alone(package: Package) -> None:
    inside = lambda name: any(name == one or (one != "spa2v" and name.startswith(f"{one}.")) for one in FACE)  # noqa: E731
    others = {f"{path.name}: {name}" for path, name in package.imports() if not inside(name)}
    assert not others, f"components may import {', '.join(FACE)}"


def run(folder: Path, path: list[str], *words: object) -> str:
    """stdout of a module of Python with packages on the search path; fails where it does."""
    kept = {key: value for key, value in os.environ.items() if key not in ("SPA2V_EXTENSIONS", "PYTHONPATH")}
    command = [sys.executable, "-P", "-m", *map(str, words)]
    environment = kept | {"PYTHONPATH": os.pathsep.join(path), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "is left out" not in done.stderr
    return done.stdout


@of_each_package
def test_its_components_are_found_through_its_entry_point(package: Package, tmp_path: Path) -> None:
    path = package.lay_out(tmp_path / "site")
    listed = [
        item
        for item in json.loads(run(tmp_path, path, "spa2v", "components", "--json"))
        if item["origin"] == package.origin
    ]
    assert listed
    for item in listed:
        assert item["summary"].endswith(".")
        assert "loads: yes" in run(tmp_path, path, "spa2v", "components", "--why", item["name"])
    for preset in package.presets:
        run(package.folder, path, "spa2v", "check", "--config", preset.name)


@of_each_package
def test_its_components_keep_their_contract(package: Package, tmp_path: Path) -> None:
    """By the package's own contract test, which knows what its component needs."""
    path = package.lay_out(tmp_path / "site")
    options = ("-q", "-p", "no:cacheprovider", "-k", "contract", "-W", "ignore")
    assert "passed" in run(package.folder, path, "pytest", *options).splitlines()[-1]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for wheels, with spa2v's own in it."""
    folder = tmp_path_factory.mktemp("wheels")
    build(ROOT, folder)
    return folder


def build(source: Path, folder: Path) -> Path:
    """Builds the wheel of a source tree into a new folder inside `folder`."""
    out = folder / source.name
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    return wheel


def files(environment: Environment) -> set[str]:
    """Every file of an environment; what Python compiles is left aside."""
    home = environment.scripts.parent
    paths = (path for path in home.rglob("*") if "__pycache__" not in path.parts)
    return {str(path.relative_to(home)) for path in paths}


def use_cue_extractors(environment: Environment, name: str, folder: Path) -> None:
    preset = next(path for path in sorted(folder.glob("*.yaml")) if name in path.read_text())
    out = environment.run("spa2v", "cues", demo_recording(), "--config", preset, "--json", cwd=folder).stdout
    assert json.loads(out)["duration_s"] > 1


def use_grounding_injectors(environment: Environment, name: str, folder: Path) -> None:
    from spa2v.testing.backbone import TINY, tiny_animatediff

    (folder / "layout.json").write_text(toy_layout(2).dumps())
    words = ["motion_backbone=animatediff", f"grounding_injector={name}"]
    words += [f"motion_backbone.options.{key}={value}" for key, value in {**tiny_animatediff(), **TINY}.items()]
    environment.run("spa2v", "render", "layout.json", "-o", "v.gif", "--run-dir", "run", "-q", *words, cwd=folder)
    assert (folder / "v.gif").stat().st_size > 1000
    assert json.loads((folder / "run/manifest.json").read_text())["status"] == "done"


def use_another(environment: Environment, name: str, folder: Path) -> None:
    """Planners may need a server and backbones weights: each preset is checked, the package's tests do the rest."""
    presets = [path.name for path in sorted(folder.glob("*.yaml")) if name in path.read_text()]
    assert presets
    for preset in presets:
        assert environment.run("spa2v", "check", "--config", preset, cwd=folder).stderr == "the config is fine\n"


USES: dict[str, Any] = {"cue_extractors": use_cue_extractors, "grounding_injectors": use_grounding_injectors}


@pytest.mark.slow
@of_each_package
def test_a_package_from_its_wheel_in_a_clean_environment(package: Package, wheels: Path, tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "venv")
    pip = ("pip", "install", "--quiet", "--ignore-installed")
    environment.run(*pip, next((wheels / ROOT.name).glob("*.whl")), cwd=tmp_path)
    home = environment.run("python", "-c", "import spa2v; print(spa2v.__file__)", cwd=tmp_path).stdout
    assert home.startswith(str(tmp_path)), "spa2v's own wheel, not the source tree"
    listed = [environment.run("spa2v", "components", *more, cwd=tmp_path).stdout for more in ((), ("--json",))]
    assert package.name not in "".join(listed), f"{package.name} is installed where the tests run; uninstall it there"
    before = files(environment)

    source = tmp_path / package.folder.name  # as a checkout has it: without what runs and builds leave behind
    shutil.copytree(package.folder, source, ignore=shutil.ignore_patterns("__pycache__", ".*", "build", "dist"))
    wheel = build(source, tmp_path)
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {path.name for path in package.modules}
    environment.run(*pip, wheel, cwd=tmp_path)
    found = json.loads(environment.run("spa2v", "components", "--json", cwd=tmp_path).stdout)
    new = [item for item in found if item["origin"] == package.origin]
    assert new
    assert [item for item in found if item not in new] == json.loads(listed[1])

    for module in package.modules:  # the installed package is tested, not the folder
        shutil.rmtree(source / module.relative_to(package.folder))
    told = environment.run("pytest", "-q", "-p", "no:cacheprovider", cwd=source).stdout.splitlines()[-1]
    assert "passed" in told
    for item in new:
        assert "loads: yes" in environment.run("spa2v", "components", "--why", item["name"], cwd=tmp_path).stdout
        USES.get(item["family"], use_another)(environment, item["name"], source)

    environment.uninstall(package.name)
    after = [environment.run("spa2v", "components", *more, cwd=tmp_path).stdout for more in ((), ("--json",))]
    assert after == listed
    assert files(environment) == before
