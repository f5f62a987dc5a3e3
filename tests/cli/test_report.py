"""`spa2v report`: whole pages without a network, in which hostile text stays text."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from spa2v.core.media.video import write_video
from spa2v.evaluation.ablation.cells import read_folder
from tests.cli.test_cli import run as run_command
from tests.kit.browsers import dom_of, needs_chromium
from tests.kit.evaluation_data import layout, make_bench, predict, sound, video

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'\"{{7*7}}&lt;"


@pytest.fixture
def spa2v(capsys, monkeypatch):
    return lambda *words: run_command(capsys, monkeypatch, *words)


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.source = path.read_text()
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def check_sealed(page: Page) -> None:
    """Nothing is loaded, nothing runs but our own script."""
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert [item for item in scripts if item.get("type") != "application/json"] == [{"type": "module"}]
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    links = [str(v) for _, attributes in page.tags for k, v in attributes.items() if k in ("src", "href", "poster")]
    assert all(link == "" or link.startswith("data:") for link in links)
    assert page.count("form") == page.count("iframe") == page.count("object") == 0
    (policy,) = (a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


@pytest.fixture
def hostile_run(tmp_path: Path) -> Path:
    """A run folder in which every text that a model or a file can bring is an attack."""
    folder = tmp_path / "run"
    folder.mkdir()
    data = layout("left_to_right").to_json()
    data |= {"caption": HOSTILE, "reasoning": HOSTILE, "notes": [HOSTILE]}
    for frame in data["keyframes"]:
        frame["caption"] = HOSTILE
        frame["objects"][0]["name"] = HOSTILE[:100]
    (folder / "layout.json").write_text(json.dumps(data))
    write_video(folder / "video.mp4", video("left_to_right"), sound("left_to_right", 1))
    tracks = {HOSTILE: {"unit": HOSTILE, "times_s": [0.1, 0.5], "values": [-1, 2], "confidence": [1, 0.2]}}
    cues = {"duration_s": 1.0, "tracks": tracks, "tags": [{"label": HOSTILE, "confidence": 1}]}
    (folder / "cues.json").write_text(json.dumps(cues))
    (folder / "config.yaml").write_text(HOSTILE)
    manifest = {
        "status": HOSTILE,
        "outputs": {"video": "video.mp4"},
        "timings_s": {HOSTILE: 1.0},
        "audio": {"source": HOSTILE, "duration_s": 1, "channels": 2, "sample_rate": 16000},
        "error": HOSTILE,
        "config": {"motion_backbone": {"name": "animatediff"}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_the_page_of_a_run_shows_everything_and_runs_nothing(spa2v, hostile_run: Path) -> None:
    assert spa2v("report", hostile_run)[0] == 0
    page = Page(hostile_run / "report.html")
    check_sealed(page)
    assert page.text.count("document.title='owned'") > 20  # it is all there, as text
    assert "49" not in re.findall(r"\b49\b", page.text)
    assert page.count("video") == 1
    assert page.count("polyline") == 1
    boxes = [attributes for tag, attributes in page.tags if tag == "rect" and "box" in str(attributes.get("class"))]
    assert len(boxes) == 16
    assert (boxes[0]["x"], boxes[0]["width"]) == ("10.0%", "20.0%")


def test_a_run_without_video_cues_or_layout_says_so(spa2v, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"status": "failed", "timings_s": [], "outputs": 7, "config": []}')
    assert spa2v("report", tmp_path)[0] == 0
    page = Page(tmp_path / "report.html")
    check_sealed(page)
    assert "The run kept no video." in page.text
    assert "cannot read the layout" in page.text


def test_a_real_run_makes_a_page(spa2v, tmp_path: Path) -> None:
    from spa2v.demo import demo_recording

    words = (
        "generate",
        demo_recording(),
        "-c",
        "storyboard",
        "--run-dir",
        tmp_path / "run",
        "-o",
        tmp_path / "run.mp4",
        "-q",
    )
    assert spa2v(*words)[0] == 0
    assert spa2v("report", tmp_path / "run", "-o", tmp_path / "page.html")[0] == 0
    page = Page(tmp_path / "page.html")
    check_sealed(page)
    assert page.count("polyline") >= 5
    assert "moves from left to right" in page.text


@pytest.fixture
def evaluated(spa2v, tmp_path: Path) -> Path:
    bench = make_bench(tmp_path / "bench", 6, with_video=True)
    layouts = predict(bench, tmp_path / "layouts")
    data = json.loads((layouts / "clip_02.json").read_text())
    for frame in data["keyframes"]:
        frame["objects"][0]["name"] = HOSTILE[:100]
    (layouts / "clip_02.json").write_text(json.dumps(data | {"caption": HOSTILE}))
    (layouts / "clip_01.json").unlink()
    words = ("evaluate", "-d", bench, "--layouts", layouts, "--videos", bench, "-o", tmp_path / "eval", "-q")
    assert spa2v(*words, "--workers", 1, "--name", HOSTILE)[0] == 0
    return tmp_path / "eval"


def test_the_page_of_an_evaluation(spa2v, evaluated: Path) -> None:
    assert spa2v("report", evaluated)[0] == 0
    page = Page(evaluated / "report.html")
    check_sealed(page)
    assert page.count("table") == 3
    assert "Best clips by LTSim" in page.text
    assert "Worst clips by LTSim" in page.text
    assert "1 x no_layout" in page.text
    assert "The labels differ in 16 of 16 frames" in page.text
    assert any("dashed" in str(attributes.get("class")) for _, attributes in page.tags)


def test_the_page_of_an_ablation(spa2v, toy: Path, tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "bench", 4)
    (toy.parent / "a.yaml").write_text(
        "base: {config: [config.yaml], set: {layout_planner.options.name: car}}\n"
        "grid: {layout_planner.options.size: [0.2, 0.3]}\ngrid_paper: {size 0.2: full}\n"
        "rows: [{name: bad, set: {layout_planner.options.no: 1}}]\n"
    )
    words = ("ablate", toy.parent / "a.yaml", "-d", bench, "-o", tmp_path / "out", "-q", "--workers", 1)
    assert spa2v(*words)[0] == 0
    assert spa2v("report", tmp_path / "out")[0] == 0
    page = Page(tmp_path / "out" / "report.html")
    check_sealed(page)
    assert "20.16/18.55/19.45" in page.text
    assert "unknown option 'no'" in page.text
    assert any(attributes.get("class") == "published" for _, attributes in page.tags)
    assert any(attributes.get("class") == "whisker" for _, attributes in page.tags)
    rows = [row for row in read_folder(tmp_path / "out").rows if row.evaluation]
    code, _, err = spa2v("report", tmp_path / "out", tmp_path / "out" / rows[0].folder)
    assert (code, err.splitlines()[0]) == (
        1,
        f"error: '{tmp_path / 'out'}' is an ablation, whose rows can be compared:",
    )
    assert err.splitlines()[1:] == [f"  {tmp_path / 'out' / row.folder}" for row in rows]


@pytest.fixture
def batched(hostile_run: Path, tmp_path: Path) -> Path:
    """A batch whose texts are attacks: a clip that was drawn, one that was planned, two that failed."""
    out = tmp_path / "batch"
    for name in ("drawn", "planned"):
        shutil.copytree(hostile_run, out / "clips" / name)
    (out / "clips" / "planned" / "video.mp4").unlink()
    (out / "clips" / "broken").mkdir()
    (out / "clips" / "broken" / "video.mp4").write_bytes(b"no video")
    seconds = {"drawn": {"plan": 0.5, "render": 2.0}, "planned": {"plan": 7.25}, "broken": {}, "missing": {"plan": 1.0}}
    clips = [
        {"id": HOSTILE if name == "drawn" else name, "folder": name, "status": "done", "seconds": spent}
        for name, spent in seconds.items()
    ]
    for clip in clips[2:]:
        clip |= {"status": "failed", "error": HOSTILE, "exit_code": 1}
    (out / "summary.json").write_text(json.dumps({"format": 1, "processes": 1, "wall_s": 9.5, "clips": clips}))
    return out


def test_the_page_of_a_batch_begins_with_failed_and_slowest_clips(spa2v, batched: Path) -> None:
    assert spa2v("report", batched)[0] == 0
    page = Page(batched / "report.html")
    check_sealed(page)
    shown = [attributes for tag, attributes in page.tags if tag == "section"]
    assert [(clip["data-name"], clip["data-seconds"]) for clip in shown] == [
        ("missing", "1.0"),
        ("broken", "0.0"),
        ("planned", "7.25"),
        (HOSTILE, "2.5"),
    ]
    assert "4 clips: 2 done, 0 skipped, 2 failed, in 9.5 s by 1 process" in page.text
    assert page.count("img") == 1, "the sheet of the clip that has a video"
    assert sum(tag == "rect" for tag, _ in page.tags) == 4, "the boxes of the plan that was not drawn"
    assert "video.mp4': it is no video, or damaged" in page.text
    assert [attributes["value"] for tag, attributes in page.tags if tag == "option"][:3] == ["", "done", "failed"]


SPOILED = {
    "a folder outside": {"folder": "../../run"},
    "no status": {"status": "odd"},
    "no number": {"seconds": {"plan": float("nan")}},
    "no seconds": {"seconds": 3},
}


@pytest.mark.parametrize("change", SPOILED.values(), ids=SPOILED)
def test_a_summary_that_is_none_is_refused(spa2v, batched: Path, change: dict[str, object]) -> None:
    data = json.loads((batched / "summary.json").read_text())
    data["clips"][1] |= change
    (batched / "summary.json").write_text(json.dumps(data))
    code, _, err = spa2v("report", batched)
    assert code == 1
    assert err.startswith(f"error: '{batched / 'summary.json'}' is no summary of a batch: ")
    assert not (batched / "report.html").exists()


def test_the_page_of_a_real_batch(spa2v, tmp_path: Path) -> None:
    from spa2v.demo import demo_recording

    (tmp_path / "sounds").mkdir()
    shutil.copy(demo_recording(), tmp_path / "sounds" / "street.flac")
    (tmp_path / "sounds" / "bad.wav").write_bytes(b"RIFF")
    words = ("batch", tmp_path / "sounds", "--out", tmp_path / "out", "-c", "storyboard")
    code, _, err = spa2v(*words)
    assert (code, f"see them with: spa2v report {tmp_path / 'out'}\n" in err) == (1, True)
    assert spa2v("report", tmp_path / "out")[0] == 0
    page = Page(tmp_path / "out" / "report.html")
    check_sealed(page)
    assert "2 clips: 1 done, 0 skipped, 1 failed" in page.text
    assert [(a["data-status"], a["data-name"]) for tag, a in page.tags if tag == "section"] == [
        ("failed", "bad"),
        ("done", "street"),
    ]
    assert page.count("img") == 1


def test_what_is_no_result_is_refused(spa2v, tmp_path: Path) -> None:
    code, _, err = spa2v("report", tmp_path)
    assert (code, f"error: '{tmp_path}' is no run, batch, evaluation or ablation\n" in err) == (1, True)


@needs_chromium
@pytest.mark.parametrize("kind", ["hostile_run", "evaluated", "batched"])
def test_in_a_browser_nothing_hostile_runs_and_the_player_works(
    spa2v, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    source = request.getfixturevalue(kind)
    assert spa2v("report", source)[0] == 0
    dom, log = dom_of(source / "report.html", tmp_path / "profile", "--host-resolver-rules=MAP * 127.0.0.1:9")
    assert "<title>owned</title>" not in dom
    assert "Content Security Policy" not in log, "our own page broke its policy"
    assert (kind == "batched") == ("4 of 4 shown" in dom)
    if kind == "hostile_run":
        live = re.search(r'<svg pointer-events="none">(.*?)</svg>', dom, re.DOTALL)
        assert live is not None
        assert live[1].count("<rect") == 1, "the script drew the box of the first frame"


def test_the_clips_of_a_batch_are_filtered_and_sorted(spa2v, batched: Path, chromium: Any) -> None:
    assert spa2v("report", batched)[0] == 0
    page = chromium.new_page()
    page.goto((batched / "report.html").as_uri())
    shown = lambda: [one.get_attribute("data-name") for one in page.locator("section:visible").all()]  # noqa: E731
    assert shown() == ["missing", "broken", "planned", HOSTILE]
    for order, names in {
        "name": [HOSTILE, "broken", "missing", "planned"],
        "slowest": ["planned", HOSTILE, "missing", "broken"],
        "fastest": ["broken", "missing", HOSTILE, "planned"],
        "status": [HOSTILE, "planned", "broken", "missing"],
        "first": ["missing", "broken", "planned", HOSTILE],
    }.items():
        page.select_option("#sort", order)
        assert shown() == names
    page.select_option("#status", "failed")
    assert shown() == ["missing", "broken"]
    page.fill("#least", "0.5")
    assert shown() == ["missing"]
    page.select_option("#status", "")
    page.fill("#name", "PLAN")
    assert shown() == ["planned"]
    assert page.text_content("#shown") == "1 of 4 shown"
    page.close()
