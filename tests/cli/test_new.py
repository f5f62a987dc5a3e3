"""`spa2v new`: what it writes installs, passes its own tests, is listed and runs, as it stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from spa2v import ConfigError, VideoSceneLayout
from spa2v.cli import main
from spa2v.cli import new as command
from spa2v.core.config import SINGLE_ROLES
from spa2v.core.host import data_folder
from spa2v.demo import demo_recording
from spa2v.evaluation.engine.result import Evaluation
from tests.kit.environments import Environment, make_environment

NAMES = {
    "cue_extractors": ("cue_extractor", "side_share"),
    "layout_planners": ("planner", "my_planner"),
    "grounding_injectors": ("injector", "own-words"),
    "motion_backbones": ("backbone", "spa2v-spots2"),
    "metrics": ("metric", "center_gap"),
    "detectors": ("detector", "bright-spot"),
}


@pytest.fixture
def spa2v(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs one command; its exit code and stderr."""

    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["spa2v", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0), capsys.readouterr().err

    return run


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make_environment(tmp_path_factory.mktemp("environment") / "venv")


def use_cue_extractors(environment: Environment, folder: Path) -> None:
    out = environment.run("spa2v", "cues", demo_recording(), "--config", "side_share", "--json", cwd=folder).stdout
    cues = json.loads(out)
    assert 0 < cues["measures"]["side_share_mean"] < 1
    assert {"side_share", "level_difference", "pitch"} <= set(cues["tracks"])


def use_layout_planners(environment: Environment, folder: Path) -> None:
    out = environment.run("spa2v", "plan", demo_recording(), "--config", "my_planner", cwd=folder).stdout
    layout = VideoSceneLayout.loads(out)
    first, last = (layout.keyframes[index].objects[0].box.center[0] for index in (0, -1))
    assert first < 0.4 < 0.6 < last


def use_grounding_injectors(environment: Environment, folder: Path) -> None:
    from spa2v.testing.backbone import TINY, tiny_animatediff

    words = [f"motion_backbone.options.{key}={value}" for key, value in {**tiny_animatediff(), **TINY}.items()]
    preset = ("--config", "own_words", "--run-dir", "run", "--quiet")
    environment.run("spa2v", "generate", demo_recording(), "-o", "v.gif", *preset, *words, cwd=folder)
    manifest = json.loads((folder / "run/manifest.json").read_text())
    used = {item["name"]: item["origin"] for item in manifest["components"]}
    assert used["own_words"] == "extension spa2v-own-words 0.1.0"
    assert (folder / "v.gif").stat().st_size > 1000


def use_motion_backbones(environment: Environment, folder: Path) -> None:
    environment.run("spa2v", "generate", demo_recording(), "--config", "spots2", "-o", "v.mp4", "-q", cwd=folder)
    assert (folder / "v.mp4").stat().st_size > 5000


def make_data(environment: Environment, folder: Path) -> None:
    words = ("-o", "small", "-n", 4, "--test-share", 0.5, "--width", 64, "--height", 40, "-q")
    environment.run("spa2v", "world", "dataset", *words, cwd=folder)


def evaluated(environment: Environment, folder: Path, *words: str) -> Evaluation:
    environment.run("spa2v", "evaluate", "--data", "small", "-o", "eval", "-q", "--workers", "1", *words, cwd=folder)
    return Evaluation.read(folder / "eval")


def use_metrics(environment: Environment, folder: Path) -> None:
    make_data(environment, folder)
    found = evaluated(environment, folder, "--layouts", "small", "--metric", "center_gap")
    assert found.stages["1"].tables["center_gap"]["all"]["C"].value == 0.0
    assert found.info("center_gap").title == "Center gap"
    assert "Center gap ↓" in environment.run("spa2v", "report", "eval", cwd=folder).stdout + (
        folder / "eval" / "report.html"
    ).read_text(encoding="utf-8")


def use_detectors(environment: Environment, folder: Path) -> None:
    make_data(environment, folder)
    found = evaluated(environment, folder, "--videos", "small", "--detector", "bright_spot:90")
    assert found.options["2"]["detector"] == "bright_spot, threshold 90"
    assert found.stages["2"].tables["lt_sim"]["all"]["C"].count == len(found.infos)


UNCHECKED = {"cue_extractors": 1, "layout_planners": 1, "grounding_injectors": 1, "motion_backbones": 6, "metrics": 1}
"""Rules about capabilities that the templates do not have."""
USES = {
    "cue_extractors": use_cue_extractors,
    "layout_planners": use_layout_planners,
    "grounding_injectors": use_grounding_injectors,
    "motion_backbones": use_motion_backbones,
    "metrics": use_metrics,
    "detectors": use_detectors,
}


@pytest.mark.parametrize(
    ("family", "use"),
    [
        pytest.param(family, use, id=family, marks=pytest.mark.slow)  # the extension guide does one in the fast suite
        for family, use in USES.items()
    ],
)
def test_a_new_package_works_as_it_stands(
    spa2v: Callable[..., tuple[int, str]],
    environment: Environment,
    tmp_path: Path,
    family: str,
    use: Callable[[Environment, Path], None],
) -> None:
    kind, given = NAMES[family]
    name = given.removeprefix("spa2v-").replace("-", "_")
    folder = tmp_path / f"spa2v-{name.replace('_', '-')}"
    code, err = spa2v("new", kind, given, "--into", tmp_path)
    assert (code, err.splitlines()[0]) == (0, f"wrote {folder}")

    environment.install(folder)
    told = environment.run("pytest", "-p", "no:cacheprovider", cwd=folder).stdout.splitlines()[-1]
    assert "passed" in told
    unchecked = UNCHECKED.get(family, 0)
    assert (f"{unchecked} skipped" if unchecked else "passed in") in told
    listed = json.loads(environment.run("spa2v", "components", "--json", cwd=tmp_path).stdout)
    found = next(item for item in listed if item["name"] == name)
    assert (found["family"], found["origin"]) == (family, f"extension {folder.name} 0.1.0")
    assert (found["installed"], found["summary"]) == (True, command.KINDS[family].summary)
    assert "loads: yes" in environment.run("spa2v", "components", "--why", name, cwd=tmp_path).stdout
    if not command.KINDS[family].use:
        assert environment.run("spa2v", "check", "--config", name, cwd=tmp_path).stderr == "the config is fine\n"
        presets = json.loads(environment.run("spa2v", "components", "presets", "--json", cwd=tmp_path).stdout)
        assert [item["origin"] for item in presets if item["name"] == name] == [found["origin"]]
    use(environment, folder)
    if family != "grounding_injectors":  # there they need the full weights
        written = re.findall(r"^    (spa2v .*)$", (folder / "README.md").read_text(), re.MULTILINE)
        assert len(written) == (4 if command.KINDS[family].use else 3)
        for line in written:
            environment.shell(line, folder)

    environment.uninstall(folder.name)
    assert name not in environment.run("spa2v", "components", "--json", cwd=tmp_path).stdout


@pytest.mark.parametrize("family", command.KINDS)
def test_a_new_package_is_clean(tmp_path: Path, family: str) -> None:
    folder = command.write_package(family, "wide_steps", tmp_path)
    for arguments in (["check", "--select", "E,F,I,B,UP,SIM,RUF,N"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
        done = subprocess.run(ruff, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    texts = [str(path.relative_to(folder)) + path.read_text() for path in folder.rglob("*") if path.is_file()]
    left = [text for text in texts if "template" in text.lower() or "todo" in text.lower()]
    assert not left


def test_the_preset_of_an_extractor_keeps_the_default_ones() -> None:
    names = lambda path: [item["name"] for item in yaml.safe_load(path.read_text())["cue_extractors"]]  # noqa: E731
    default = names(data_folder() / "configs" / "default.yaml")
    assert names(command.TEMPLATES / "cue_extractors" / "preset.yaml") == [*default, "template_name"]


def test_presets_show_every_option(tmp_path: Path) -> None:
    import inspect
    import runpy

    for family in [family for family, kind in command.KINDS.items() if not kind.use]:
        (tmp_path / family).mkdir()
        folder = command.write_package(family, "my_thing", tmp_path / family)
        loaded = runpy.run_path(str(folder / "spa2v_my_thing" / "component.py"))["MyThing"]
        data = yaml.safe_load((folder / "spa2v_my_thing" / "configs" / "my_thing.yaml").read_text())
        roles = {value: key for key, value in SINGLE_ROLES.items()}
        chosen = data[roles[family]] if family in roles else data[family][-1]
        defaults = {key: item.default for key, item in inspect.signature(loaded).parameters.items()}
        assert chosen["options"] == defaults


@pytest.mark.parametrize(
    ("kind", "family"),
    [("planner", "layout_planners"), ("layout_planner", "layout_planners"), ("motion_backbones", "motion_backbones")],
)
def test_kinds_go_by_several_words(kind: str, family: str) -> None:
    assert command.find_family(kind) == family


REFUSED = [
    (("plannner", "x"), "unknown kind 'plannner'\n  did you mean 'planner'"),
    (("planner", "My Planner"), "'My Planner' is not a usable name\n  use up to 40 lower-case letters"),
    (("planner", "9lives"), "'9lives' is not a usable name"),
    (("planner", "a" * 41), "is not a usable name\n  use up to 40"),
    (("planner", "../up"), "'../up' is not a usable name"),
    (("planner", "class"), "'class' is not a usable name\n  it is a word of Python"),
    (("planner", "layout_error"), "'layout_error' is not a usable name\n  spa2v itself has a class 'LayoutError'"),
    (("planner", "stereo_rules"), "'stereo_rules' of layout_planners exists already\n  it is built in"),
    (("planner", "storyboard"), "there is a preset 'storyboard'\n  it is built in"),
    (("planner", "there"), "spa2v-there' exists already\n  take another name"),
    (("planner", "fine", "--into", "nowhere"), "the folder 'nowhere' does not exist"),
]


@pytest.mark.parametrize(("words", "text"), REFUSED, ids=[words[1] for words, _ in REFUSED])
def test_what_is_refused(
    spa2v: Callable[..., tuple[int, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spa2v-there").mkdir()
    code, err = spa2v("new", *words)
    assert code == 1
    assert text in err
    assert [path.name for path in tmp_path.rglob("*")] == ["spa2v-there"], "nothing was written"


def test_a_failure_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    whole = Path.write_text

    def full(path: Path, text: str, **options: str) -> int:
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        written.append(path)
        return whole(path, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ConfigError) as caught:
        command.write_package("layout_planners", "my_planner", tmp_path)
    assert str(caught.value) == f"cannot write '{tmp_path}/spa2v-my-planner': No space left on device"
    assert len(written) == 3
    assert list(tmp_path.iterdir()) == []
