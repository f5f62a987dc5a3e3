"""The editor's server: what it serves, to whom, and that saving loses nobody's work."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from spa2v import AudioClip, ConfigError, MissingDependency, Pipeline, VideoSceneLayout
from spa2v.demo import demo_recording
from spa2v.edit.cue_data import MAX_PEAKS, MAX_POINTS, cues_for_page, peaks
from spa2v.edit.document import ChangedOnDisk, Document, problem_of
from spa2v.edit.guard import Guard
from spa2v.edit.opening import open_source
from spa2v.edit.server import VIEW_DEG, page_files
from spa2v.plugins.layout_planners.stereo_rules.camera import Camera
from tests.kit.editing import SMALL, Served, serving


def wait_for_try(served: Served, count: int = 1) -> list[dict]:
    for _ in range(300):
        state = served.json("GET", "api/state")
        if len(state["tries"]) >= count and not state["busy"]:
            return state["tries"]
        time.sleep(0.1)
    raise AssertionError("nothing was drawn")


# ---- who may ask ----


@pytest.mark.parametrize("token", ["", "wrong", "a-token-for-test", "a-token-for-tests2", ".."])
def test_requests_without_the_token_are_refused(listening: Served, token: str) -> None:
    for path in ("", "api/state", "page/app.js", "api/audio"):
        status, headers, body = listening.ask("GET", path, token=token)
        assert status == 403
        assert b"token" in body
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"])
def test_requests_from_another_origin_are_refused(listening: Served, origin: str) -> None:
    assert listening.ask("GET", "api/state", headers={"Origin": origin})[0] == 403
    assert listening.ask("POST", "api/stop", {}, {"Origin": origin})[0] == 403


def test_changes_must_name_their_origin(listening: Served) -> None:
    before = listening.path.read_bytes()
    for method, path in (("PUT", "api/layout"), ("PUT", "api/draft"), ("POST", "api/draw")):
        data = {"layout": json.loads(before), "mark": None, "force": True}
        assert listening.ask(method, path, data, {"Origin": ""})[0] == 403
    assert listening.path.read_bytes() == before


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "192.168.0.9"])
def test_names_that_point_here_from_elsewhere_are_refused(listening: Served, host: str) -> None:
    assert listening.ask("GET", "api/state", headers={"Host": host})[0] in (400, 421)


def test_pages_of_other_sites_cannot_embed_what_is_served(listening: Served) -> None:
    assert listening.ask("GET", "api/audio", headers={"Sec-Fetch-Site": "cross-site"})[0] == 403
    status, headers, _ = listening.ask("GET", "")
    assert status == 200
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        *("page/../../../etc/passwd", "page/..%2f..%2fserver.py", "page//etc/passwd", "page/server.py"),
        *("api/try/1/../../plan.json", "api/try/9999/video", "api/try/-1/video", "../plan.json", "plan.json"),
    ],
)
def test_no_path_leads_outside(listening: Served, path: str) -> None:
    status, _, body = listening.ask("GET", path)
    assert status in (403, 404)
    assert b"root:" not in body
    assert b"keyframes" not in body


def test_bodies_are_bounded(listening: Served) -> None:
    status, _, _ = listening.ask("PUT", "api/draft", b"", {"Content-Length": str(2**40)})
    assert status == 413
    assert listening.ask("PUT", "api/draft", b"[" * 100_000)[0] == 400
    assert listening.ask("PUT", "api/draft", b"x" * 100)[0] == 400
    assert listening.ask("PUT", "api/draft", {"layout": 1}, {"Content-Type": "text/plain"})[0] == 415


def test_a_body_without_a_length_is_bounded_too(listening: Served) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", listening.port, timeout=20)
    headers = {"Origin": f"http://{listening.host}", "Content-Type": "application/json"}
    blocks = (b" " * 2**20 for _ in range(40))
    try:
        connection.request("PUT", f"{listening.url}api/draft".partition(listening.host)[2], blocks, headers)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server hung up while we were sending
    connection.close()
    assert not Document(listening.path).draft_path.exists()


# ---- what is shown ----


def test_the_state_holds_what_the_page_shows(listening: Served) -> None:
    state = listening.json("GET", "api/state")
    assert state["file"] == "plan.json"
    assert VideoSceneLayout.from_json(state["layout"]).names == {"car_0": "car"}
    assert state["audio"]["duration_s"] == pytest.approx(4.0)
    assert set(state["cues"]["tracks"]) == {"level", "azimuth", "level_difference"}
    assert "train" in state["names"]
    assert [preset["name"] for preset in state["presets"]][:2] == ["storyboard", "default"]
    assert state["view_deg"] == VIEW_DEG == Camera().field_of_view_deg


def test_the_recording_is_served_in_pieces(listening: Served) -> None:
    status, headers, body = listening.ask("GET", "api/audio", headers={"Range": "bytes=0-3"})
    assert (status, body) == (206, b"fLaC")
    assert headers["content-range"].startswith("bytes 0-3/")


def test_every_file_of_the_page_is_served_with_its_type(listening: Served) -> None:
    for name in page_files():
        status, headers, body = listening.ask("GET", f"page/{name}")
        assert (status, bool(body)) == (200, True)
        assert headers["content-type"].startswith(("text/", "image/svg"))


def test_peaks_hold_the_extremes_of_both_channels() -> None:
    samples = np.zeros((2, 8000))
    samples[0, 10], samples[0, 11], samples[1, 7999] = 0.5, -1.0, 1.0
    found = peaks(AudioClip(samples, 8000))
    assert found.shape == (200, 4)
    assert found[0].tolist() == [-127, 64, 0, 0]
    assert found[-1].tolist() == [0, 0, 0, 127]


def test_ten_minutes_of_peaks_and_tracks_stay_small() -> None:
    clip = AudioClip(np.random.default_rng(0).normal(0, 0.1, (2, 8000 * 600)), 8000)
    assert len(peaks(clip)) == MAX_PEAKS
    times = np.arange(40_000) / 66.0
    track = {"unit": "deg", "times_s": times.tolist(), "values": np.sin(times).tolist()}
    shown = cues_for_page({"tracks": {"azimuth": track}})
    assert len(shown["tracks"]["azimuth"]["values"]) <= MAX_POINTS


@pytest.mark.parametrize("cues", [{"tracks": 5}, {"sources": [1, {"tracks": {"azimuth": {"times_s": "x"}}}]}, {}])
def test_cues_of_a_strange_form_show_nothing(cues: dict) -> None:
    shown = cues_for_page(cues)
    assert shown["tracks"] == {}


# ---- saving ----


def test_saving_keeps_a_copy_of_what_was_there(served: Served) -> None:
    state = served.json("GET", "api/state")
    before = served.path.read_bytes()
    state["layout"]["caption"] = "Another."
    answer = served.json("PUT", "api/layout", {"layout": state["layout"], "mark": state["mark"]})
    assert json.loads(served.path.read_text())["caption"] == "Another."
    assert Document(served.path).backup_path.read_bytes() == before
    assert answer["mark"] == Document(served.path).mark() != state["mark"]


def test_a_layout_that_changed_on_disk_is_not_overwritten(served: Served, planned: str) -> None:
    state = served.json("GET", "api/state")
    theirs = planned.replace("A car", "A bus")
    served.path.write_text(theirs)
    data = {"layout": state["layout"], "mark": state["mark"]}
    status, _, body = served.ask("PUT", "api/layout", data)
    assert status == 409
    assert json.loads(body)["mark"] == Document(served.path).mark()
    assert served.path.read_text() == theirs
    assert served.ask("PUT", "api/layout", data | {"force": True})[0] == 200
    assert Document(served.path).backup_path.read_text() == theirs


def test_a_file_that_went_away_counts_as_a_change(tmp_path: Path, planned: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(planned)
    document = Document(path)
    _, mark = document.read()
    path.unlink()
    with pytest.raises(ChangedOnDisk):
        document.save(json.loads(planned), mark)


def test_what_the_validator_refuses_is_named_by_place(served: Served) -> None:
    state = served.json("GET", "api/state")
    state["layout"]["keyframes"][2]["objects"][0]["box"][0] = 2.0
    answer = served.json("PUT", "api/draft", {"layout": state["layout"], "mark": state["mark"]})
    assert answer["problem"]["place"] == "keyframes[2].objects[0].box"
    status, _, _ = served.ask("PUT", "api/layout", {"layout": state["layout"], "mark": state["mark"]})
    assert status == 422


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d.update(caption=1), "caption"),
        (lambda d: d["keyframes"][1].update(time_s=-1), "keyframes[1].time_s"),
        (lambda d: d["keyframes"][1]["objects"][0].update(name=""), "keyframes[1].objects[0].name"),
        (lambda d: d["keyframes"][1].update(caption="x" * 5000), "keyframes[1].caption"),
        (lambda d: d.update(attributes={"gone": "left"}), "attributes"),
    ],
)
def test_places_of_problems(planned: str, change, place: str) -> None:
    data = json.loads(planned)
    assert problem_of(data) is None
    change(data)
    assert problem_of(data).place == place


def test_a_draft_outlives_the_page_and_ends_with_saving(served: Served) -> None:
    state = served.json("GET", "api/state")
    state["layout"]["caption"] = ""
    served.json("PUT", "api/draft", {"layout": state["layout"], "mark": state["mark"]})
    assert served.json("GET", "api/state")["draft"] == {"layout": state["layout"], "mark": state["mark"]}
    served.json("PUT", "api/layout", {"layout": state["layout"], "mark": state["mark"]})
    assert served.json("GET", "api/state")["draft"] is None


def test_optional_keys_of_other_tools_stay_in_the_file(tmp_path: Path, planned: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(json.loads(planned) | {"license": "CC0"}))
    document = Document(path)
    layout, mark = document.read()
    document.save(layout.to_json(), mark)
    assert json.loads(path.read_text())["license"] == "CC0"


@pytest.mark.parametrize(("kind", "side"), [("mirror", "right_to_left"), ("reverse", "right_to_left")])
def test_the_whole_plan_is_mirrored_and_reversed_with_its_words(listening: Served, kind: str, side: str) -> None:
    layout = listening.json("GET", "api/state")["layout"]
    made = listening.json("POST", "api/transform", {"layout": layout, "kind": kind})["layout"]
    assert made["attributes"] == {"car_0": side}
    assert "right to left" in made["caption"]
    back = listening.json("POST", "api/transform", {"layout": made, "kind": kind})["layout"]
    assert back["caption"] == layout["caption"]


# ---- drawing ----


def test_drawing_keeps_tries_with_seed_and_plan(served: Served) -> None:
    layout = served.json("GET", "api/state")["layout"]
    assert served.json("POST", "api/draw", {"layout": layout, "preset": "storyboard", "seed": 7}) == {"number": 1}
    (found,) = wait_for_try(served)
    assert (found["number"], found["preset"], found["seed"]) == (1, "storyboard", 7)
    status, headers, body = served.ask("GET", "api/try/1/video")
    assert (status, headers["content-type"], body[4:8]) == (200, "video/mp4", b"ftyp")
    assert served.json("GET", "api/try/1/layout")["layout"] == layout
    folder = served.path.with_name("plan.tries") / "0001"
    assert json.loads((folder / "manifest.json").read_text())["status"] == "done"


@pytest.mark.parametrize(
    ("preset", "seed"), [("no-such", 1), ("../default", 1), ("storyboard", -1), ("storyboard", 2**33)]
)
def test_presets_and_seeds_that_are_none(listening: Served, preset: str, seed: int) -> None:
    layout = listening.json("GET", "api/state")["layout"]
    assert listening.ask("POST", "api/draw", {"layout": layout, "preset": preset, "seed": seed})[0] == 400
    assert listening.json("GET", "api/state")["tries"] == []


def test_work_can_be_stopped_and_leaves_nothing(tmp_path: Path, planned: str) -> None:
    from spa2v.edit.tries import Studio

    events: list[dict] = []
    layout = VideoSceneLayout.loads(planned)

    def publish(event: dict) -> None:
        events.append(event)
        if event["kind"] == "progress":
            studio.stop()

    studio = Studio(tmp_path / "tries", [], [*SMALL], None, publish)
    studio.start(layout, "default", 1)
    studio._thread.join(120)
    assert not studio.busy
    assert events[-1] == {"kind": "stopped", "number": 1}
    assert studio.list() == []
    assert list((tmp_path / "tries").iterdir()) == []


def test_one_video_at_a_time(tmp_path: Path, planned: str) -> None:
    from spa2v.edit.tries import Studio

    layout = VideoSceneLayout.loads(planned)
    studio = Studio(tmp_path / "tries", [], [], None, lambda event: None)
    studio.start(layout, "storyboard", 1)
    with pytest.raises(ConfigError, match="another video is being drawn"):
        studio.start(layout, "storyboard", 2)
    studio._thread.join(120)
    assert [item["seed"] for item in studio.list()] == [1]


# ---- opening ----


def test_a_recording_is_planned_and_saved_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(demo_recording()) as served:
        state = served.json("GET", "api/state")
        assert (state["file"], state["mark"]) == ("car_passing.layout.json", None)
        served.json("PUT", "api/layout", {"layout": state["layout"], "mark": None})
    assert VideoSceneLayout.loads((tmp_path / "car_passing.layout.json").read_text()).names == {"vehicle_0": "vehicle"}
    opened = open_source(demo_recording(), None, None, Pipeline.from_preset())
    assert "was there and is opened" in opened.remarks[0]


def test_a_run_folder_opens_with_its_recording_and_video(tmp_path: Path) -> None:
    pipeline = Pipeline.from_preset("storyboard")
    with pipeline.recorded(tmp_path / "run") as (run, manifest):
        manifest.input("audio", demo_recording())
        pipeline.plan(pipeline.read(demo_recording()), run)
    (tmp_path / "run" / "video.mp4").write_bytes(b"not looked at here")
    with serving(tmp_path / "run") as served:
        state = served.json("GET", "api/state")
        assert state["audio"]["name"] == "car_passing.flac"
        assert [item["preset"] for item in state["tries"]] == ["the run"]
        assert served.ask("GET", "api/try/0/video")[2] == b"not looked at here"


def test_a_run_without_its_recording_still_opens(tmp_path: Path, planned: str) -> None:
    (tmp_path / "layout.json").write_text(planned)
    opened = open_source(tmp_path, None, None, Pipeline.from_preset())
    assert opened.heard is None
    assert "name it with --audio" in opened.remarks[0]


def test_folders_that_are_no_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no layout"):
        open_source(tmp_path, None, None, Pipeline.from_preset())
    with pytest.raises(ConfigError, match="is a recording already"):
        open_source(demo_recording(), demo_recording(), None, Pipeline.from_preset())


# ---- the command ----


def test_the_command_prints_an_address_that_works_until_ctrl_c(tmp_path: Path, planned: str) -> None:
    (tmp_path / "plan.json").write_text(planned)
    command = [sys.executable, "-m", "spa2v", "edit", "plan.json", "--no-browser"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", first)
        assert url, first
        with urllib.request.urlopen(url[0], timeout=20) as answer:
            assert b"spa2v edit" in answer.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from spa2v.cli.options import needs_extra

    with pytest.raises(MissingDependency, match="no_such_server") as caught:
        needs_extra("edit", "starlette", "no_such_server")
    assert "pip install 'spa2v[edit]'" in str(caught.value)


@pytest.mark.parametrize(
    ("listens", "named", "known"),
    [
        ("127.0.0.1", "localhost:8000", True),
        ("127.0.0.1", "[::1]:8000", True),
        ("127.0.0.1", "10.0.0.5:8000", False),
        ("0.0.0.0", "10.0.0.5:8000", True),
        ("0.0.0.0", "evil.example:8000", False),
        ("studio.example", "studio.example", True),
        ("studio.example", "10.0.0.5", False),
    ],
)
def test_hosts_that_a_request_may_name(listens: str, named: str, known: bool) -> None:
    assert Guard(lambda *_: None, "token", listens)._known_host(named) is known
