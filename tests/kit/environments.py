"""Environments for tests of extension packages: fresh ones that see what is installed here, made without a network."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tests.kit.paths import ROOT

COMMANDS = {"spa2v": "-m spa2v", "pytest": "-m pytest", "pip": "-m pip"}
OFFLINE = {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
"""pip takes what is installed here and nothing else; "0" is how it spells `--no-build-isolation` as a variable."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment; its scripts folder and the variables that its commands run with."""

    scripts: Path
    variables: dict[str, str]

    def run(self, *words: object, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs one of its commands; fails where the exit code is another."""
        command = [str(self.scripts / str(words[0])), *map(str, words[1:])]
        done = subprocess.run(command, cwd=cwd, env=self.variables, capture_output=True, text=True)
        assert done.returncode == code, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def shell(self, text: str, cwd: Path) -> None:
        """Runs a line as it would be typed."""
        done = subprocess.run(["bash", "-c", text], cwd=cwd, env=self.variables, capture_output=True, text=True)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"

    def install(self, package: Path) -> None:
        """Builds a package and installs it, with nothing from the network."""
        self._pip("install", "--quiet", str(package))

    def uninstall(self, name: str) -> None:
        self._pip("uninstall", "--quiet", "--yes", name)

    def _pip(self, *words: str) -> None:
        self.run("pip", *words, cwd=self.scripts)


def make_environment(folder: Path) -> Environment:
    """A new environment in `folder` that sees the packages of this one, spa2v included."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    scripts = folder / "bin"
    site = sysconfig.get_path("purelib", "venv", {"base": str(folder)})
    (Path(site) / "outer.pth").write_text(f"{ROOT}\nimport site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for name, module in COMMANDS.items():
        (scripts / name).write_text(f'#!/bin/sh\nexec "{scripts / "python"}" {module} "$@"\n')
        (scripts / name).chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV", "PYTEST"))}
    kept.pop("SPA2V_EXTENSIONS", None)
    path = f"{scripts}{os.pathsep}{kept.get('PATH', '')}"
    quiet = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}  # tests run side by side, so a thread each is enough
    return Environment(scripts, kept | {"PATH": path} | quiet | OFFLINE)
