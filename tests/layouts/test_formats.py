"""Formats of other programs: files as their specifications describe them, and the way there and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spa2v import Box, KeyFrame, LayoutError, SceneObject, VideoSceneLayout, frame_times
from spa2v.core.media.video import read_video
from spa2v.layouts import Sampling, format_names, get_format, read_any, write_any
from spa2v.world.scene import Scene

TWO_WAY = [name for name in format_names() if get_format(name).read]
SIZE = (512, 320)

CVAT_FILE = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>7</id>
      <name>street</name>
      <size>5</size>
      <mode>interpolation</mode>
      <overlap>0</overlap>
      <flipped>False</flipped>
      <labels>
        <label><name>car</name><attributes></attributes></label>
        <label><name>man</name><attributes></attributes></label>
      </labels>
      <original_size><width>200</width><height>100</height></original_size>
    </task>
    <dumped>2026-01-01 10:00:00.000000+00:00</dumped>
  </meta>
  <track id="0" label="car" source="manual">
    <box frame="0" keyframe="1" outside="0" occluded="0" xtl="0.00" ytl="10.00" xbr="40.00" ybr="50.00"/>
    <box frame="4" keyframe="1" outside="0" occluded="0" xtl="80.00" ytl="10.00" xbr="120.00" ybr="50.00"/>
  </track>
  <track id="1" label="man" source="manual">
    <box frame="1" keyframe="1" outside="0" occluded="1" xtl="150.00" ytl="20.00" xbr="170.00" ybr="90.00"/>
    <box frame="3" keyframe="1" outside="1" occluded="1" xtl="150.00" ytl="20.00" xbr="170.00" ybr="90.00"/>
  </track>
  <track id="2" label="car" source="manual">
    <polygon frame="0" keyframe="1" outside="0" occluded="0" points="1.0,1.0;2.0,2.0;3.0,1.0" z_order="0"/>
  </track>
</annotations>
"""


def crossing() -> VideoSceneLayout:
    """A car that crosses, and a man who is there in the second half."""
    frames = []
    for time in frame_times(4.0, 8):
        x = 0.1 + 0.15 * float(time)
        objects = [SceneObject("car_0", "car", Box(x, 0.4, x + 0.2, 0.8))]
        objects += [SceneObject("man_0", "man", Box(0.6, 0.2, 0.7, 0.9))] if time >= 2.0 else []
        frames.append(KeyFrame(float(time), "a street", tuple(objects)))
    return VideoSceneLayout(4.0, "A car passes a man.", tuple(frames), "Why.", "translational", {"man_0": "right"})


def farthest_px(first: VideoSceneLayout, second: VideoSceneLayout, times: np.ndarray, size: tuple[int, int]) -> float:
    """The largest difference of a side of a box, in pixels; objects are matched in order of name and place."""
    assert sorted(first.names.values()) == sorted(second.names.values())
    scale = np.array([*size, *size])
    worst = 0.0
    for time in times:
        a, b = first.at(float(time)).objects, second.at(float(time)).objects
        assert len(a) == len(b)
        one = sorted((item.name, *item.box) for item in a)
        two = sorted((item.name, *item.box) for item in b)
        for left, right in zip(one, two, strict=True):
            assert left[0] == right[0]
            worst = max(worst, float(np.abs((np.array(left[1:]) - np.array(right[1:])) * scale).max()))
    return worst


@pytest.mark.parametrize("name", TWO_WAY)
def test_200_toyworld_layouts_come_back_within_half_a_pixel(
    name: str, tmp_path: Path, drawn: list[tuple[Scene, VideoSceneLayout]]
) -> None:
    form = get_format(name)
    for number, (_, layout) in enumerate(drawn):
        path = tmp_path / f"{number}{form.suffixes[0] or ''}"
        wanted = Sampling(frames=16) if form.to_last else Sampling(*SIZE)
        write_any(layout, path, name, wanted)
        back, _ = read_any(path, name, Sampling(duration_s=layout.duration_s))
        assert back.duration_s == pytest.approx(layout.duration_s)
        size = (512, 512) if form.to_last else SIZE
        assert farthest_px(layout, back, frame_times(layout.duration_s, 16), size) <= 0.5


def test_a_cvat_file_of_the_specification(tmp_path: Path) -> None:
    path = tmp_path / "annotations.xml"
    path.write_text(CVAT_FILE)
    layout, remarks = read_any(path, wanted=Sampling(fps=5.0))
    assert layout.duration_s == 1.0
    assert layout.names == {"car_0": "car", "man_0": "man"}
    assert remarks == ["1 shape other than a box, left out"]
    halfway = layout.at(0.4)
    assert halfway.get("car_0").box == pytest.approx((0.2, 0.1, 0.4, 0.5))  # between its two boxes
    seen = [layout.at(float(time)).get("man_0") is not None for time in frame_times(1.0, 5)]
    assert seen == [False, True, True, False, False]
    with pytest.raises(LayoutError, match="does not say how long"):
        read_any(path)


def test_cvat_starts_and_ends_tracks_where_the_layout_does(tmp_path: Path) -> None:
    from spa2v.layouts.cvat import parse_xml

    lost = write_any(crossing(), tmp_path / "a.xml", wanted=Sampling(100, 100, frames=8))
    root = parse_xml((tmp_path / "a.xml").read_bytes(), "a.xml")
    assert root.findtext("version") == "1.1"
    assert root.findtext("meta/task/size") == "8"
    assert root.findtext("meta/task/original_size/width") == "100"
    man = root.findall("track")[1]
    assert man.get("label") == "man"
    assert [box.get("frame") for box in man if box.get("outside") == "0"] == ["4", "5", "6", "7"]
    assert "the caption" in lost
    assert "8 captions of key frames" in lost
    assert any(text.startswith("the ids") for text in lost)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<!DOCTYPE a [<!ENTITY b "bb">]><annotations>&b;</annotations>', "document type"),
        ("<annotations><track", "not XML"),
        ("<html/>", "expected CVAT"),
        ("<annotations><image id='0'/></annotations>", "CVAT for images"),
        ("<annotations><track label='a'><box frame='0' xtl='a'/></track></annotations>", r"box\[0\].xtl"),
        ("<annotations><track label='a'><box frame='1e99' xtl='1'/></track></annotations>", "not a usable number"),
        ("<annotations><meta><task><size>999999999</size></task></meta></annotations>", "999999999 frames"),
    ],
)
def test_xml_that_is_not_what_it_should_be(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(LayoutError, match=message):
        read_any(path, "cvat", Sampling(100, 100, fps=1.0))


def test_a_mot_sequence_of_the_specification(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    rows = ["1, 3, 1, 11, 20, 40, 1, 3, 1", "2, 3, 11, 11, 20, 40, 1, 3, 0.9", "1, 5, 51, 1, 10, 10, 0, 1, 1"]
    (tmp_path / "gt" / "gt.txt").write_text("\n".join(rows) + "\n")
    ini = "[Sequence]\nname=S\nimDir=img1\nframeRate=2\nseqLength=4\nimWidth=100\nimHeight=100\nimExt=.jpg\n"
    (tmp_path / "seqinfo.ini").write_text(ini)
    layout, remarks = read_any(tmp_path)
    assert layout.duration_s == 2.0
    assert layout.names == {"car_0": "car"}  # class 3 of MOT16
    assert layout.at(0.0).get("car_0").box == pytest.approx((0.0, 0.1, 0.2, 0.5))  # (1, 1) is the corner
    assert layout.at(0.5).get("car_0").box == pytest.approx((0.1, 0.1, 0.3, 0.5))
    assert layout.at(1.5).get("car_0") is None
    assert remarks == ["1 box with conf 0, left out"]


def test_mot_writes_a_sequence_that_counts_from_one(tmp_path: Path) -> None:
    assert not [t for t in write_any(crossing(), tmp_path / "seq", "mot", Sampling(100, 100, frames=8)) if "rate" in t]
    lines = (tmp_path / "seq" / "gt" / "gt.txt").read_text().splitlines()
    assert lines[0] == "1,1,11.00,41.00,20.00,40.00,1,1,1"
    assert (tmp_path / "seq" / "gt" / "labels.txt").read_text() == "car\nman\n"
    assert "frameRate=2\n" in (tmp_path / "seq" / "seqinfo.ini").read_text()
    alone = write_any(crossing(), tmp_path / "gt.txt", wanted=Sampling(100, 100, frames=8))
    assert any("rate and the size" in text for text in alone)


def test_a_coco_file_of_the_specification(tmp_path: Path) -> None:
    size = {"width": 100, "height": 50}
    data = {
        "videos": [{"id": 4, "name": "v", **size, "metadata": {"fps": 2}}, {"id": 5, "name": "w", **size}],
        "images": [
            {"id": 10, "video_id": 4, "frame_index": 0, "file_name": "v/0.jpg", **size},
            {"id": 11, "video_id": 4, "frame_index": 1, "file_name": "v/1.jpg", **size},
            {"id": 12, "video_id": 5, "frame_index": 0, "file_name": "w/0.jpg", **size},
        ],
        "tracks": [{"id": 1, "category_id": 9, "video_id": 4}],
        "categories": [{"id": 9, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 10, "track_id": 1, "category_id": 9, "bbox": [0, 0, 50, 25], "area": 1250},
            {"id": 2, "image_id": 11, "track_id": 1, "category_id": 9, "bbox": [50, 0, 60, 25], "area": 1250},
            {"id": 3, "image_id": 12, "track_id": 2, "category_id": 9, "bbox": [0, 0, 1, 1], "area": 1},
        ],
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data))
    layout, remarks = read_any(path)
    assert layout.duration_s == 1.0
    assert layout.at(0.0).get("dog_0").box == (0.0, 0.0, 0.5, 0.5)
    assert layout.at(0.5).get("dog_0").box == (0.5, 0.0, 1.0, 0.5)  # clipped at the edge
    assert remarks[:2] == ["1 further video, left out", "1 box of other videos, left out"]
    assert "1 boxes reach past the frame and were clipped" in remarks


def test_coco_holds_caption_size_and_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_any(crossing(), path, "coco", Sampling(100, 100, frames=8))
    back, remarks = read_any(path)
    assert (back.caption, back.duration_s, remarks) == ("A car passes a man.", 4.0, [])
    data = json.loads(path.read_text())
    assert data["annotations"][0]["bbox"] == [10.0, 40.0, 20.0, 40.0]
    assert len(data["images"]) == 8


def test_the_dict_of_boxes_of_lvd(tmp_path: Path) -> None:
    frames = {f"Frame {n + 1}": [{"id": 0, "name": "bear", "box": [85 * n, 256, 86, 100]}] for n in range(6)}
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"Prompt": "A bear walks", **frames, "Background keyword": "forest"}))
    layout, remarks = read_any(path)
    assert layout.duration_s == 3.0  # six frames at two a second
    assert (layout.caption, layout.names) == ("A bear walks", {"bear_0": "bear"})
    assert layout.keyframes[0].objects[0].box == pytest.approx((0.0, 0.5, 86 / 512, 356 / 512))
    assert "2 frames a second are assumed" in remarks[0]
    write_any(layout, tmp_path / "b.json", "lvd")
    again = json.loads((tmp_path / "b.json").read_text())
    assert [again[f"Frame {n + 1}"][0]["box"] for n in range(6)] == [[85.0 * n, 256.0, 86.0, 100.0] for n in range(6)]
    assert set(again) == {"Prompt", "Background keyword", *frames}


def test_masks_are_palette_pictures_with_the_smaller_box_in_front(tmp_path: Path) -> None:
    big, small = Box(0.0, 0.0, 1.0, 1.0), Box(0.25, 0.25, 0.5, 0.5)
    objects = (SceneObject("a", "sky", big), SceneObject("b", "kite", small))
    layout = VideoSceneLayout(1.0, "", (KeyFrame(0.0, "", objects),))
    lost = write_any(layout, tmp_path / "m", "masks", Sampling(40, 20, frames=2))
    pictures = sorted((tmp_path / "m").iterdir())
    assert [path.name for path in pictures] == ["00000.png", "00001.png"]
    picture = Image.open(pictures[0])
    assert picture.mode == "P"
    labels = np.asarray(picture)
    assert labels.shape == (20, 40)
    assert (labels[5:10, 10:20] == 2).all()
    assert (labels == 1).sum() == 40 * 20 - 50
    assert picture.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
    assert any("two boxes share (2 frames" in text for text in lost)


@pytest.mark.parametrize("name", ["masks-video", "vace"])
def test_videos_of_boxes(name: str, tmp_path: Path) -> None:
    layout = VideoSceneLayout(2.0, "", (KeyFrame(0.0, "", (SceneObject("a", "car", Box(0.25, 0.25, 0.75, 0.75)),)),))
    write_any(layout, tmp_path / "v.mp4", name, Sampling(64, 64, frames=6))
    video = read_video(tmp_path / "v.mp4")
    assert video.frames.shape == (6, 64, 64, 3)
    assert video.duration_s == pytest.approx(2.0, abs=0.01)
    assert video.frames[0, 32, 32, 0] > 243
    corner, edge = int(video.frames[0, 2, 2, 0]), int(video.frames[0, 32, 16:18, 0].mean())
    assert (corner < 12) if name == "masks-video" else (corner > 243 and edge < 60)


def test_center_points_hold_their_last_place_while_unseen(tmp_path: Path) -> None:
    write_any(crossing(), tmp_path / "p.npy", wanted=Sampling(100, 100, frames=8))
    points, seen = np.load(tmp_path / "p.npy"), np.load(tmp_path / "p_visibility.npy")
    assert points.shape == (1, 8, 2, 2)
    assert points.dtype == np.float32
    assert seen.dtype == bool
    assert points[0, 0, 0] == pytest.approx((20.0, 60.0), abs=1e-4)
    assert seen[0, :, 1].tolist() == [False] * 4 + [True] * 4
    assert points[0, 0, 1] == pytest.approx((65.0, 55.0), abs=1e-4)


def test_comfyui_boxes_are_whole_pixels_a_frame(tmp_path: Path) -> None:
    write_any(crossing(), tmp_path / "c.json", "comfyui", Sampling(100, 100, frames=8))
    frames = json.loads((tmp_path / "c.json").read_text())
    assert len(frames) == 8
    assert frames[0] == [{"x": 10, "y": 40, "width": 20, "height": 40, "label": "car", "id": 1}]
    assert [len(frame) for frame in frames] == [1] * 4 + [2] * 4


def test_key_frames_between_frames_are_named_with_the_number_that_holds_them(tmp_path: Path) -> None:
    lost = write_any(crossing(), tmp_path / "a.xml", wanted=Sampling(frames=6))
    assert any("6 of 8 key frames between two frames (--frames 8 holds them)" in text for text in lost)
    assert not any("between" in text for text in write_any(crossing(), tmp_path / "a.xml", wanted=Sampling(frames=16)))


def test_straight_paths_need_no_key_frames_between_their_ends(tmp_path: Path) -> None:
    write_any(crossing(), tmp_path / "a.xml", wanted=Sampling(frames=400))
    back, _ = read_any(tmp_path / "a.xml", wanted=Sampling(duration_s=4.0))
    assert len(back.keyframes) <= 8
    assert farthest_px(crossing(), back, frame_times(4.0, 400), SIZE) < 0.5


def test_a_path_of_3000_bends_is_simplified_and_said(tmp_path: Path) -> None:
    x = 0.4 + 0.1 * np.sin(np.arange(3000) / 3.0)
    lines = [f"{n + 1},1,{100 * v + 1:.3f},10,20,20,1,1,1" for n, v in enumerate(x)]
    (tmp_path / "gt.txt").write_text("\n".join(lines))
    layout, remarks = read_any(tmp_path / "gt.txt", wanted=Sampling(100, 100, fps=30.0))
    assert len(layout.keyframes) <= 1024
    assert any("paths were simplified" in text for text in remarks)


MORE = """
from spa2v.layouts import LayoutFormat, tracks_of


def write(layout, path, raster):
    path.write_text("".join(f"{track.name} {len(track.boxes)}\\n" for track in tracks_of(layout, raster)))
    return ["colors"]


COUNTS = LayoutFormat("How often each object is seen.", (".txt",), write)
"""


def test_unknown_suffixes_and_formats_are_errors_that_help(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="no format has files like"):
        write_any(crossing(), tmp_path / "a.xyz")
    with pytest.raises(LayoutError, match=r"suffix must be one of: \.xml"):
        write_any(crossing(), tmp_path / "a.json", "cvat")
    with pytest.raises(LayoutError, match="could be of several formats"):
        write_any(crossing(), tmp_path / "a.mp4")
    with pytest.raises(LayoutError, match="there is no file"):
        read_any(tmp_path / "gone.json")
