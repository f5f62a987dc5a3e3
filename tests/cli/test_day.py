"""A researcher's day from start to end: a planner is written, edited, compared, published and used elsewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spa2v import VideoSceneLayout
from spa2v.demo import demo_recording
from spa2v.evaluation.ablation.cells import read_folder
from tests.kit.environments import Environment, make_environment

WIDTH = 80
STUDY = """title: Sizes
base: {config: [my_own]}
rows:
- name: small
  set: {layout_planner.options.size: 0.2}
- name: large
  set: {layout_planner.options.size: 0.4}
"""


class Desk:
    """Commands of an environment in one folder, on a terminal of 80 columns; all that they print is checked."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.environment, self.folder = environment, folder
        environment.variables["COLUMNS"] = str(WIDTH)

    def __call__(self, *words: object) -> tuple[str, str]:
        """Stdout and stderr of one command that ends well."""
        done = self.environment.run("spa2v", *words, cwd=self.folder)
        lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        assert not [line for line in lines if len(line) > WIDTH or "Traceback" in line or "\x1b" in line]
        return done.stdout, done.stderr


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def scores(folder: Path) -> dict[str, float]:
    """LTSim of each row of an ablation."""
    found = {row.name: row.evaluation for row in read_folder(folder).rows}
    return {name: made.stages["1"].tables["lt_sim"]["all"]["C"].value for name, made in found.items() if made}


@pytest.mark.slow
def test_a_day_with_a_planner(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    spa2v = Desk(make_environment(tmp_path / "here"), home)
    shutil.copy(demo_recording(), home / "street.flac")

    _, err = spa2v("new", "planner", "my_own")
    assert err.splitlines()[:2] == ["wrote spa2v-my-own", "try:"]
    package = home / "spa2v-my-own"
    code = package / "spa2v_my_own" / "component.py"
    spa2v.environment.run("pip", "install", "--quiet", "--editable", package, cwd=home)
    out, _ = spa2v("components", "--why", "my_own")
    assert "loads: yes" in out

    edit(code, 'f"A {name}.", tuple(frames)', 'f"A {name} on a street.", tuple(frames)')
    out, err = spa2v("generate", "street.flac", "-c", "storyboard", "-c", "my_own", "--run-dir", "run")
    assert (out, err.splitlines()[-1]) == ("", "wrote run/video.mp4")
    assert " on a street." in err
    assert spa2v("report", "run") == ("", "wrote run/report.html\n")

    (home / "sizes.yaml").write_text(STUDY)
    spa2v("world", "dataset", "-o", "data", "-n", 4, "--test-share", 0.5, "--width", 64, "--height", 40, "-q")
    ablate = ("ablate", "sizes.yaml", "-d", "data", "-o", "cells", "--workers", 1)
    out, err = spa2v(*ablate)
    assert [line.split()[0] for line in out.splitlines() if line.startswith(("small", "large"))] == ["small", "large"]
    assert "reused" not in err
    assert "see it with: spa2v report cells" in err
    before = scores(home / "cells")
    assert set(before) == {"small", "large"}
    shutil.copytree(home / "cells", home / "before")

    edit(code, "top = (1.0 - self.size) / 2", "top = 0.9 * (1.0 - self.size)")
    out, err = spa2v(*ablate)
    after = scores(home / "cells")
    assert "reused" not in err, "the code is another one"
    assert set(before) == set(after)
    assert all(before[name] != after[name] for name in before)
    assert all(f"{100 * value:.2f}" in out for value in after.values()), "the table has the new numbers"
    _, err = spa2v(*ablate)
    assert err.count("reused stage-1 scores of 2 of 2 clips, nothing changed") == 2, "nothing changed since"
    assert scores(home / "cells") == after

    out, err = spa2v("report", "before/small", "cells/small")
    assert f"{100 * before['small']:.2f}" in out
    assert f"{100 * after['small']:.2f}" in out
    assert err == "wrote comparison.html\n"
    assert spa2v("report", "cells") == ("", "wrote cells/report.html\n")
    assert "Sizes" in (home / "cells" / "report.html").read_text(encoding="utf-8")

    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(package)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    shutil.rmtree(package)  # what is used from now on is the wheel
    use_elsewhere(tmp_path, wheel, home / "street.flac")


def use_elsewhere(folder: Path, wheel: Path, recording: Path) -> None:
    """The preset of the package, in an environment that has only its wheel."""
    away = folder / "away"
    away.mkdir()
    shutil.copy(recording, away)
    spa2v = Desk(make_environment(folder / "there"), away)
    spa2v.environment.run("pip", "install", "--quiet", wheel, cwd=away)
    out, _ = spa2v("components", "presets")
    (line,) = (line for line in out.splitlines() if " my_own " in line)
    assert "extension spa2v-my-own 0.1.0" in line
    _, err = spa2v("plan", "street.flac", "-c", "my_own", "-o", "plan.json")
    assert err.splitlines()[-1] == "wrote plan.json"
    plan = VideoSceneLayout.loads((away / "plan.json").read_text(encoding="utf-8"))
    assert plan.caption.endswith(" on a street."), "the first edit"
    box = plan.keyframes[0].objects[0].box
    assert box.y1 == pytest.approx(0.9 * (1 - (box.y2 - box.y1))), "the second"
