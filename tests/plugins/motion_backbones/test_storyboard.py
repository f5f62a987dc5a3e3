"""The storyboard: what it shows is where the layout says, whatever the layout holds."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from spa2v import Box, ConfigError, KeyFrame, Run, SceneObject, SpatialCues, Track, VideoSceneLayout
from spa2v.core.protocols import GroundingInjector, MotionBackbone
from spa2v.plugins.grounding_injectors.ungrounded import Ungrounded
from spa2v.plugins.motion_backbones.storyboard.backbone import Storyboard
from spa2v.plugins.motion_backbones.storyboard.pictograms import SHAPES, draw_pictogram, pictogram_of
from spa2v.plugins.motion_backbones.storyboard.sheet import IDENTITY, Area, Pencil, Sheet, identity_colors
from spa2v.plugins.motion_backbones.storyboard.text import NO_GLYPHS, caption, cut, font, printable, width, wrap


def passing(scenario: str | None = "translational", caption: str = "A car drives by.") -> VideoSceneLayout:
    """A car from left to right in four seconds."""
    frames = []
    for index in range(16):
        left = 0.05 + 0.7 * index / 15
        box = Box(left, 0.5, left + 0.2, 0.8)
        frames.append(KeyFrame(index / 4, caption, (SceneObject("car_0", "car", box),)))
    return VideoSceneLayout(4.0, "A street.", tuple(frames), scenario=scenario, attributes={"car_0": "left_to_right"})


def heard(confidence: float = 1.0) -> SpatialCues:
    times = np.linspace(0, 4, 50)
    level = Track(times, -30 + 10 * np.sin(times), "dBFS")
    azimuth = Track(times, np.linspace(-60, 60, 50), "deg", np.full(50, confidence))
    return SpatialCues(4.0, {"level": level, "azimuth": azimuth})


def draw(layout: VideoSceneLayout, cues: SpatialCues | None = None, **options: int) -> np.ndarray:
    run = Run()
    run.cues = cues
    return Storyboard(**options).generate(layout, run).frames


@pytest.mark.parametrize(("width", "height", "frames"), [(512, 320, 16), (256, 160, 16), (320, 512, 5), (131, 333, 1)])
def test_shape_and_rate(width: int, height: int, frames: int) -> None:
    video = Storyboard(width, height, frames).generate(passing(), Run())
    assert video.frames.shape == (frames, height, width, 3)
    assert video.fps == pytest.approx(frames / 4.0)


def test_it_keeps_the_contracts() -> None:
    assert isinstance(Storyboard(), MotionBackbone)
    assert isinstance(Ungrounded(), GroundingInjector)


@pytest.mark.parametrize("size", [(512, 320), (256, 160), (320, 512), (1024, 576)])
def test_the_box_is_where_the_layout_says(size: tuple[int, int]) -> None:
    layout, stage = passing(), Sheet.of(*size).stage
    for index, frame in enumerate(draw(layout, width=size[0], height=size[1])):
        inside = frame[int(stage.y) : int(stage.bottom), int(stage.x) : int(stage.right)]
        box = layout.frames(16)[index].objects[0].box
        rows = inside[round(0.7 * stage.h) : round(0.77 * stage.h)].astype(int)  # in the box, below its trail
        columns = np.flatnonzero((rows[..., 0] - rows[..., 2]).mean(axis=0) > 60)  # vermilion over a gray road
        assert columns.min() == pytest.approx(box.x1 * stage.w, abs=3)
        assert columns.max() == pytest.approx(box.x2 * stage.w, abs=3)


def test_the_stage_has_the_shape_of_the_frame() -> None:
    for size in ((512, 320), (256, 160), (320, 512), (1000, 300), (128, 128), (128, 4096), (4096, 128)):
        sheet = Sheet.of(*size)
        assert sheet.stage.w / sheet.stage.h == pytest.approx(size[0] / size[1])
        for area in (sheet.stage, sheet.panel, sheet.strip):
            assert 0 <= area.x < area.right <= size[0]
            assert 0 <= area.y < area.bottom <= size[1]


def test_the_same_layout_gives_the_same_pixels() -> None:
    assert np.array_equal(draw(passing(), heard()), draw(passing(), heard()))


def test_the_playhead_moves_over_the_strip() -> None:
    strip = Sheet.of(512, 320).strip
    rows = slice(int(strip.y) + 1, int(strip.y) + 4)  # where the head of the line is
    at = [int(np.argmin(frame[rows, 50:500].sum(axis=(0, 2)))) for frame in draw(passing(), heard())]
    assert np.all(np.diff(at) > 15)


def test_what_was_heard_changes_the_strip_alone() -> None:
    strip, plain, with_cues = Sheet.of(512, 320).strip, draw(passing()), draw(passing(), heard())
    top = int(strip.y)
    assert np.array_equal(plain[:, :top], with_cues[:, :top])
    assert not np.array_equal(plain[:, top:], with_cues[:, top:])


def test_doubtful_azimuth_is_paler() -> None:
    top = int(Sheet.of(512, 320).strip.y)
    sure, doubtful = (draw(passing(), heard(confidence))[0, top:].astype(int).sum() for confidence in (1.0, 0.25))
    assert doubtful > sure


def test_each_moment_has_its_caption_and_the_scene_its_place() -> None:
    first, second = draw(passing(caption="A car.")), draw(passing(caption="Another thing happens."))
    panel = Sheet.of(512, 320).panel
    columns = slice(int(panel.x), int(panel.right))
    assert not np.array_equal(first[0, :, columns], second[0, :, columns])
    places = [draw(passing(scenario))[0] for scenario in ("translational", "stationary", None)]
    assert len({place.tobytes() for place in places}) == 3


def test_a_layout_without_things_says_why() -> None:
    silent = VideoSceneLayout(2.0, "", (KeyFrame(0.0),), notes=("The recording is silent.",))
    other = VideoSceneLayout(2.0, "", (KeyFrame(0.0),))
    assert not np.array_equal(draw(silent), draw(other))


def test_a_thing_keeps_its_color() -> None:
    assert identity_colors(["b", "a", "c"]) == dict(zip("bac", IDENTITY, strict=False))
    assert len(set(IDENTITY)) == len(IDENTITY)
    assert len(identity_colors([str(index) for index in range(64)])) == 64


HOSTILE = [
    "word " * 700,
    "x" * 4000,
    "line\nline\r\n\ttab \x00\x07\x1b[31m red",
    "\u202eright to left \u0645\u0631\u062d\u0628\u0627",
    "\U0001f697\U0001f468\u200d\U0001f469\u200d\U0001f467 \ufe0f",
    "一辆汽车从左向右行驶",
    "Z" + "\u0301" * 300,
    "ﷺ" * 100,
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("size", [(512, 320), (256, 160)])
def test_hostile_text_is_drawn(text: str, size: tuple[int, int]) -> None:
    things = tuple(
        SceneObject(f"{index} {text[:50]}", text[:120], Box(0.1 * index, 0.0, 0.1 * index + 0.1, 0.3))
        for index in range(9)
    )
    layout = VideoSceneLayout(1.0, text[:4000], (KeyFrame(0.0, text[:4000], things),), notes=(text,))
    assert draw(layout, width=size[0], height=size[1], frames=2).shape == (2, size[1], size[0], 3)


@settings(max_examples=25, deadline=None)
@given(
    text=st.text(max_size=200),
    box=st.tuples(*[st.floats(0, 1)] * 4).filter(lambda b: b[0] < b[2] and b[1] < b[3]),
    duration=st.floats(0.01, 3600),
    width=st.integers(128, 300),
    height=st.integers(128, 300),
)
def test_any_layout_is_drawn(
    text: str, box: tuple[float, float, float, float], duration: float, width: int, height: int
) -> None:
    name = text[:100] if text.strip() else "thing"
    frames = (KeyFrame(0.0, text, (SceneObject("a", name, Box(*box)),)), KeyFrame(duration, text))
    layout = VideoSceneLayout(duration, text, frames, scenario="stationary")
    assert draw(layout, width=width, height=height, frames=3).shape == (3, height, width, 3)


def test_many_things_are_drawn() -> None:
    things = tuple(
        SceneObject(str(i), f"thing {i}", Box(i % 8 / 8, i // 8 / 8, (i % 8 + 1) / 8, (i // 8 + 1) / 8))
        for i in range(64)
    )
    assert draw(VideoSceneLayout(1.0, "", (KeyFrame(0.0, "", things),)), frames=1).shape[0] == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 10}, "storyboard: width is 10\n  expected a whole number from 128 to 4096"),
        ({"height": 320.0}, "storyboard: height is 320.0\n  expected a whole number from 128 to 4096"),
        ({"frames": 0}, "storyboard: frames is 0\n  expected a whole number from 1 to 4096"),
        ({"frames": True}, "storyboard: frames is True\n  expected a whole number from 1 to 4096"),
    ],
)
def test_options_out_of_range(options: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Storyboard(**options)
    assert str(caught.value) == words


def test_printable_text() -> None:
    assert printable("Zoë's café — naïve → “ok”…") == "Zoe's cafe - naive > “ok”..."
    assert printable("a\x00b\n c\u200d") == "a b c"
    assert printable("汽车") == ""
    assert caption("汽车") == NO_GLYPHS
    assert caption(" \n") == ""
    assert len(printable("ab" * 5000)) == 600


def test_lines_fit_and_say_that_more_follows() -> None:
    face = font(20)
    text = "one two three four five six seven eight nine ten eleven twelve " + "m" * 60
    lines = wrap(text, face, 150, 4)
    assert len(lines) == 4
    assert all(width(line, face) <= 150 for line in lines)
    assert lines[-1].endswith("…")
    assert wrap("short", face, 150, 4) == ["short"]
    assert "".join(wrap("m" * 40, face, 150, 50)) == "m" * 40
    assert cut("abc", face, 1) == ""


def test_a_pillow_without_freetype_still_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    bitmap = ImageFont.load_default_imagefont()
    monkeypatch.setattr(ImageFont, "load_default", lambda size=None: bitmap)
    font.cache_clear()
    try:
        assert draw(passing(caption="déjà vu"), frames=2).shape == (2, 320, 512, 3)
    finally:
        font.cache_clear()


def test_ungrounded_leaves_the_backbone_alone() -> None:
    backbone, layout, run = Storyboard(), passing(), Run()
    before, state = backbone.generate(layout, run), dict(vars(backbone))
    with Ungrounded().attach(backbone, layout, run):
        during = backbone.generate(layout, run)
    assert np.array_equal(before.frames, during.frames)
    assert vars(backbone) == state


def test_it_loads_no_heavy_package() -> None:
    code = (
        "import sys, spa2v.plugins.motion_backbones.storyboard, spa2v.plugins.grounding_injectors.ungrounded\n"
        "import spa2v.core.media.audio, spa2v.core.media.video\n"
        "print([name for name in ('torch', 'av', 'soundfile', 'scipy', 'diffusers') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("a red car", "car"),
        ("Dogs", "animal"),
        ("siren", "car"),
        ("man singing", "person"),
        ("old violin", "violin"),
        ("oboe", "wind"),
        ("sound source", None),
        ("", None),
    ],
)
def test_names_find_their_pictogram(name: str, shape: str | None) -> None:
    assert pictogram_of(name) == shape


def test_every_pictogram_stays_inside_its_box() -> None:
    for name, polygons in SHAPES.items():
        points = np.array([point for polygon in polygons for point in polygon])
        assert points.min() >= -0.05, name
        assert points.max() <= 1.05, name


def test_a_pictogram_changes_the_box_of_a_known_name_alone() -> None:
    def inside(name: str) -> np.ndarray:
        pencil = Pencil.blank(100, 80, (255, 255, 255))
        draw_pictogram(pencil, Area(20, 20, 60, 40), name, (200, 100, 50))
        return np.asarray(pencil.finished())

    assert (inside("zebra") == 255).all()
    drawn = inside("car").copy()
    assert (drawn[20:60, 20:80] < 255).any()
    drawn[20:60, 20:80] = 255
    assert (drawn == 255).all()
