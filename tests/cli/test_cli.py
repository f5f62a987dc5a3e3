"""The command line as a user meets it: real commands in a process of their own where that matters."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from spa2v import AudioClip, VideoSceneLayout
from spa2v.cli import main
from spa2v.core.config import load
from spa2v.core.host import Host
from spa2v.core.media.audio import write_audio
from spa2v.jobs.job import held
from tests.kit.evaluation_data import make_bench

CATALOG = Host(extensions=[]).configs


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    monkeypatch.setattr(sys, "argv", ["spa2v", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    out = capsys.readouterr()
    code = caught.value.code
    return (0 if code is None else int(code)), out.out, out.err


@pytest.fixture
def spa2v(capsys, monkeypatch):
    return lambda *words: run(capsys, monkeypatch, *words)


@pytest.fixture(scope="session")
def car(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled recording, under another name."""
    from spa2v.demo import demo_recording

    path = tmp_path_factory.mktemp("sound") / "street.flac"
    path.write_bytes(demo_recording().read_bytes())
    return path


def test_two_runs_do_not_write_into_one_folder(spa2v, car: Path, tmp_path: Path) -> None:
    """The second is refused while the first is at work, and goes ahead once it has ended; no lock is left."""
    words = ("plan", car, "-o", tmp_path / "plan.json", "--run-dir", tmp_path / "run", "-q")
    with held(tmp_path / "run"):
        code, _, err = spa2v(*words)
    assert code == 1
    assert "another run is writing into" in err
    assert "--run-dir" in err
    assert list((tmp_path / "run").iterdir()) == []
    assert spa2v(*words)[0] == 0
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "config.yaml",
        "cues.json",
        "layout.json",
        "manifest.json",
    ]


def test_a_quiet_command_says_nothing_on_stderr(spa2v, car: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_bench(tmp_path / "data", 2)
    for words in (
        ("plan", car, "-o", "plan.json", "--run-dir", "run"),
        ("render", "plan.json", "-c", "storyboard", "-o", "plan.gif"),
        ("layout", "convert", "plan.json", "copy.json"),
        ("check", "-c", "storyboard"),
        ("new", "planner", "my_own"),
        ("bench", "validate", "data", "--workers", 1),
        ("evaluate", "-d", "data", "--layouts", "data", "-o", "eval", "--workers", 1),
        ("batch", car.parent, "-o", "out", "-c", "storyboard"),
        ("report", "out"),
        ("report", "eval"),
    ):
        assert [(words[0], code, err) for code, _, err in [spa2v(*words, "-q")]] == [(words[0], 0, "")]
    assert spa2v("report", "run")[2] == "wrote run/report.html\n", "only where it is asked to be quiet"


def test_the_version(spa2v) -> None:
    from spa2v import __version__

    assert spa2v("--version") == (0, f"spa2v {__version__}\n", "")


def test_usage_errors_exit_with_two(spa2v) -> None:
    assert spa2v("generate")[0] == 2
    assert spa2v("fly")[0] == 2
    assert spa2v("generate", "a.wav", "--loud")[0] == 2


def test_user_errors_are_one_message_and_exit_with_one(spa2v, tmp_path: Path) -> None:
    code, out, err = spa2v("plan", tmp_path / "gone.wav")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "gone.wav" in err
    assert "Traceback" not in err


def test_plan_writes_a_layout_to_stdout_or_a_file(spa2v, car: Path, tmp_path: Path) -> None:
    code, out, _ = spa2v("plan", car, "--quiet")
    assert code == 0
    layout = VideoSceneLayout.loads(out)
    code, out, err = spa2v("plan", car, "-o", tmp_path / "l.json")
    assert (code, out) == (0, "")
    assert str(tmp_path / "l.json") in err
    assert VideoSceneLayout.loads((tmp_path / "l.json").read_text()) == layout


def test_the_car_moves_from_left_to_right(spa2v, car: Path) -> None:
    layout = VideoSceneLayout.loads(spa2v("plan", car)[1])
    (attribute,) = layout.attributes.values()
    centers = [frame.objects[0].box.center[0] for frame in layout.frames() if frame.objects]
    assert attribute == "left_to_right"
    assert layout.scenario == "translational"
    assert centers[0] < 0.3 < 0.7 < centers[-1]
    assert next(iter(layout.names.values())) == "vehicle"


def test_plan_says_that_a_recording_has_no_left_and_right(spa2v, tmp_path: Path) -> None:
    write_audio(
        tmp_path / "mono.wav", AudioClip(np.random.default_rng(0).normal(0.0, 0.1, (1, 16_000)).repeat(2, 0), 16_000)
    )
    code, _, err = spa2v("plan", tmp_path / "mono.wav", "-o", tmp_path / "l.json")
    assert code == 0
    assert "\nnote: Both channels are identical: no lateral evidence.\n" in f"\n{err}"


def test_generate_makes_a_video_with_sound(spa2v, car: Path, tmp_path: Path) -> None:
    import av

    out = tmp_path / "v.mp4"
    code, stdout, err = spa2v("generate", car, "-o", out, "--config", "storyboard", "--run-dir", tmp_path / "run")
    assert (code, stdout) == (0, "")
    assert f"wrote {out}" in err
    with av.open(str(out)) as video:
        picture, sound = video.streams.video[0], video.streams.audio[0]
        assert (picture.width, picture.height, picture.frames) == (512, 320, 16)
        assert abs(float(picture.duration * picture.time_base) - float(sound.duration * sound.time_base)) < 4.0 / 16
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    assert manifest["status"] == "done"
    assert manifest["outputs"] == {"video": str(out)}
    assert {"plan", "generate", "write"} <= set(manifest["timings_s"])


def test_render_draws_a_given_layout(spa2v, car: Path, tmp_path: Path) -> None:
    assert spa2v("plan", car, "-o", tmp_path / "l.json")[0] == 0
    for name in ("v.gif", "v.png"):
        assert spa2v("render", tmp_path / "l.json", "-c", "storyboard", "-o", tmp_path / name)[0] == 0
        assert (tmp_path / name).stat().st_size > 1000
    code, _, err = spa2v("render", tmp_path / "gone.json", "-o", tmp_path / "x.mp4")
    assert (code, err) == (1, f"error: cannot read the layout '{tmp_path}/gone.json': No such file or directory\n")


def test_outputs_are_checked_before_the_work(spa2v, car: Path, tmp_path: Path) -> None:
    code, _, err = spa2v("generate", car, "-o", tmp_path / "v.xyz")
    assert code == 1
    assert err.startswith(f"error: cannot write '{tmp_path}/v.xyz'\n  the suffix must be one of: .mp4")
    code, _, err = spa2v("generate", car, "-o", tmp_path / "no" / "v.mp4")
    assert (code, f"the folder '{tmp_path}/no' is missing or read-only" in err) == (1, True)


def test_cues_in_words_and_as_json(spa2v, car: Path) -> None:
    found = json.loads(spa2v("cues", car, "--json")[1])
    assert found["duration_s"] > 1
    assert {"level", "level_difference", "azimuth"} <= set(found["tracks"])
    assert "level_difference" in spa2v("cues", car)[1]


def test_start_and_duration_cut_the_recording(spa2v, car: Path) -> None:
    found = json.loads(spa2v("cues", car, "--json", "--start", "0.5", "--duration", "1.25")[1])
    assert found["duration_s"] == pytest.approx(1.25, abs=1e-3)


def test_components_as_a_table_and_as_json(spa2v, toy: Path) -> None:
    code, out, _ = spa2v("components", "layout_planners", "--config", toy, "--json")
    found = {item["name"]: item for item in json.loads(out)}
    assert code == 0
    assert found["stereo_rules"]["origin"] == "built in"
    assert (found["needy"]["installed"], found["needy"]["missing"]) == (False, ["no_such_package_of_ours"])
    assert "stereo_rules" in spa2v("components")[1]
    assert spa2v("components", "planners")[0] == 1


def test_components_explain_one(spa2v, toy: Path) -> None:
    code, out, _ = spa2v("components", "--why", "needy", "--config", toy)
    assert code == 1
    assert "install with: pip install no-such-package-of-ours" in out
    code, out, _ = spa2v("components", "--why", "middle", "--config", toy)
    assert (code, "loads: yes" in out, "size=0.5" in out) == (0, True, True)


def test_check_tells_everything_or_that_all_is_fine(spa2v, toy: Path) -> None:
    code, _, err = spa2v("check", "--config", toy, "layout_planner=midle", "motion_backbone.options.x=1")
    assert code == 1
    assert err.startswith("error: 2 things are wrong with the config\n  unknown component 'midle'")
    assert "unknown option 'x'" in err
    assert spa2v("check", "run.device=cuda:1")[0] == 0  # of another machine, perhaps
    for wrong in ("run.device=off", "run.device=cuda:x", "run.device=cpu:banana", "run.dtype=int8"):
        code, _, err = spa2v("check", wrong)
        assert (code, wrong.split("=")[0] in err) == (1, True)
    assert spa2v("check")[0] == 0


@pytest.mark.parametrize("preset", CATALOG.names())
def test_every_preset_is_fine(spa2v, preset: str) -> None:
    code, _, err = spa2v("check", "--config", preset)
    assert (code, err) == (0, "the config is fine\n")


@pytest.mark.parametrize("preset", CATALOG.names())
def test_nothing_of_the_default_slips_beneath_a_preset_with_weights_of_its_own(preset: str) -> None:
    """A preset merges over the default; where both name one component, what it leaves out would come from there."""
    default = load([], [], CATALOG).to_dict()
    own = yaml.safe_load(CATALOG.find(preset).read_text())
    backbone = own.get("motion_backbone", {})
    if "base" in backbone.get("options", {}) and backbone["name"] == default["motion_backbone"]["name"]:
        for role in ("motion_backbone", "grounding_injector"):
            if own[role]["name"] == default[role]["name"]:
                assert default[role]["options"].keys() <= own[role]["options"].keys()


def test_the_list_of_presets_cuts_no_path(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run(capsys, monkeypatch, "components", "presets")
    paths = "".join(line.rstrip("│").rpartition("│")[2].strip() for line in out.splitlines())
    assert code == 0
    assert all(str(file.path) in paths for file in Host(extensions=[]).configs.files("preset"))
    assert max(map(len, out.splitlines())) <= 80
