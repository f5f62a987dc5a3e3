"""Draws the pictures of the README and the pages, with the embedded default.

    python -m tools.pictures [NAME ...]                 # cues plan demo injectors moving toyworld; all by default
    python -m tools.pictures recordings --recordings FOLDER      # a row of frames for each recording of a folder

`cues.svg` and `plan.png` show what stage 1 makes of the bundled recording, `demo.png` what stage 2 makes of the plan.
`toyworld.png` has each class of ToyWorld as it is drawn.
`injectors.png` is one layout without grounding, with GLIGEN and with MIGC, from the same noise. `moving.gif` shows six
ToyWorld recordings from seeds that training never draws, as the default hears and draws them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from spa2v import Pipeline, VideoSceneLayout
from spa2v.core.media.files import atomic_path, write_text
from spa2v.core.media.images import contact_sheet, write_gif
from spa2v.core.types import GeneratedVideo
from spa2v.demo import demo_recording
from spa2v.evaluation.report.figures import Curve, curve
from spa2v.world.classes import CLASSES
from spa2v.world.clips import render_clip, scene_layout
from spa2v.world.drawing import Renderer
from spa2v.world.sampling import Choice, sample_scene

IMAGES = Path(__file__).parents[1] / "docs" / "images"
PAPER, INK, ACCENT, LINE = (250, 249, 246), (60, 64, 72), "#c4572e", "#d8d6d0"
SHOWN = (
    ("car", "left_to_right"),
    ("car", "approaching"),
    ("truck", "right_to_left"),
    ("woman", "left"),
    ("drum", "right"),
    ("guitar", "center"),
)
SIDEWAYS = ("left_to_right", "right_to_left")
HELD_OUT = 9_700_000
CROSSING = HELD_OUT + 5021  # a green car and a blue motorcycle pass each other
MARKS = ("#ffd166", "#ef476f", "#06d6a0")


def cues() -> None:
    """Azimuth and level of the bundled recording against time."""
    pipeline = Pipeline.from_preset("default")
    audio = pipeline.read(demo_recording())
    tracks = pipeline.measure(audio).tracks
    drawn = []
    for name in ("azimuth", "level"):
        track = tracks[name]
        values = {"times_s": track.times_s, "values": track.values, "confidence": track.confidence, "unit": track.unit}
        if found := curve(name, values, audio.duration_s):
            drawn.append(found)
    height = sum(item.height for item in drawn)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawn[0].width} {height}" font-family="sans-serif">'
    ]
    parts += [f'<rect width="100%" height="100%" fill="rgb{PAPER}"/>']
    top = 0
    for item in drawn:
        parts += [f'<g transform="translate(0 {top})" font-size="10" fill="rgb{INK}">', *svg(item), "</g>"]
        top += item.height
    write_text(IMAGES / "cues.svg", "\n".join([*parts, "</svg>", ""]))


def svg(item: Curve) -> list[str]:
    """The elements of a curve."""
    right = item.width - 10
    lines = [f'<text x="{item.left}" y="11" font-weight="bold">{escape(item.title)} ({escape(item.unit)})</text>']
    for y, text in item.ticks_y:
        lines.append(f'<line x1="{item.left}" x2="{right}" y1="{y}" y2="{y}" stroke="{LINE}"/>')
        lines.append(f'<text x="{item.left - 6}" y="{y + 3}" text-anchor="end">{escape(text)}</text>')
    lines += [
        f'<text x="{x}" y="{item.height - 6}" text-anchor="middle">{escape(text)}</text>' for x, text in item.ticks_x
    ]
    lines += [f'<circle cx="{x}" cy="{y}" r="2" fill="{ACCENT}" opacity="{sure}"/>' for x, y, sure in item.dots]
    return lines


def plan() -> None:
    """Four frames of the storyboard of the bundled recording."""
    pipeline = Pipeline.from_preset("storyboard", overrides=["motion_backbone.options.frames=4"])
    video = pipeline(demo_recording()).video
    save("plan.png", contact_sheet(video, columns=2, cell_width=620))


def demo() -> None:
    """What `make demo` makes, as a sheet."""
    save("demo.png", contact_sheet(Pipeline.from_preset("default")(demo_recording()).video, cell_width=256))


def injectors() -> None:
    """One layout, without grounding, with GLIGEN and with MIGC."""
    layout = scene_layout(
        sample_scene(CROSSING, Choice("translational", "multiple", classes=("car", "motorcycle"))), (256, 160)
    )
    rows = []
    for name, weights in (("ungrounded", None), ("gligen", "gligen"), ("migc", "migc.safetensors")):
        folder = "spa2v:weights/toyworld"
        options = f", options: {{weights: '{folder}/{weights}', share: 1.0}}" if weights else ""
        pipeline = Pipeline.from_preset("default", overrides=[f"grounding_injector={{name: {name}{options}}}"])
        rows.append((name, marked(pipeline.render(layout), layout, (0, 5, 10, 15))))
    save("injectors.png", grid(rows))


def moving() -> None:
    """Six recordings, heard and drawn, side by side."""
    cells, labels = [], []
    for index, (name, attribute) in enumerate(SHOWN):
        pipeline = Pipeline.from_preset("default", overrides=[f"run.seed={index}"])  # other rooms, streets and colors
        choice = Choice(None, "single", attribute, name, 4.0)
        scenes = (render_clip(sample_scene(HELD_OUT + 100 * index + k, choice), (256, 160)) for k in range(100))
        heard = next(clip for clip in scenes if clip.objects[0].lateral_evidence or clip.objects[0].distance_evidence)
        result = pipeline(heard.audio)
        cells.append(result.video.frames)
        planned = sorted(set(result.layout.names.values()))
        mistaken = f" (heard: {', '.join(planned)})" if planned != [name] else ""
        labels.append(f"{name}, {attribute.replace('_', ' ')}{mistaken}")
    pictures = [sheet([frames[i] for frames in cells], labels) for i in range(len(cells[0]))]
    video = GeneratedVideo(frames=np.stack([np.asarray(picture) for picture in pictures]), fps=4.0)
    with atomic_path(IMAGES / "moving.gif") as path:
        write_gif(path, video)


def toyworld() -> None:
    """Each class of ToyWorld: in motion where it moves, else at rest."""
    cells, labels = [], []
    for index, (name, kind) in enumerate(CLASSES.items()):
        attribute = SIDEWAYS[index % 2] if kind.moves else "center"
        scene = sample_scene(HELD_OUT + index, Choice(None, "single", attribute, name))
        cells.append(Renderer(scene, 192, 120).frame(scene.duration_s / 2).pixels)
        labels.append(name)
    save("toyworld.png", sheet(cells, labels, columns=6))


def sheet(frames: Sequence[NDArray[np.uint8]], labels: Sequence[str], columns: int = 3) -> Image.Image:
    """Pictures in rows, each with a line of text under it."""
    height, width = frames[0].shape[:2]
    gap, text = 6, 18
    rows = -(-len(frames) // columns)
    size = (columns * (width + gap) + gap, rows * (height + text + gap) + gap)
    page, font = Image.new("RGB", size, PAPER), ImageFont.load_default(13)
    pencil = ImageDraw.Draw(page)
    for place, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        x, y = gap + place % columns * (width + gap), gap + place // columns * (height + text + gap)
        page.paste(Image.fromarray(frame), (x, y))
        pencil.text((x + 2, y + height + 1), label, INK, font)
    return page


def marked(video: GeneratedVideo, layout: VideoSceneLayout, chosen: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Some frames, with the boxes that were asked for."""
    asked = layout.frames(len(video.frames))
    height, width = video.frames.shape[1:3]
    pictures = []
    for index in chosen:
        picture = Image.fromarray(video.frames[index])
        pencil = ImageDraw.Draw(picture)
        for place, item in enumerate(asked[index].objects):
            x1, y1, x2, y2 = np.asarray(item.box) * (width, height, width, height)
            pencil.rectangle((x1, y1, x2 - 1, y2 - 1), outline=MARKS[place % len(MARKS)], width=2)
        pictures.append(np.asarray(picture))
    return pictures


def grid(rows: Sequence[tuple[str, Sequence[NDArray[np.uint8]]]], label_width: int = 96) -> Image.Image:
    """A row of pictures for each label."""
    height, width = rows[0][1][0].shape[:2]
    gap, columns = 6, max(len(pictures) for _, pictures in rows)
    page = Image.new("RGB", (label_width + columns * (width + gap), len(rows) * (height + gap) + gap), PAPER)
    pencil, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for place, (label, pictures) in enumerate(rows):
        y = gap + place * (height + gap)
        for line, text in enumerate(label.split("\n")):
            pencil.text((gap, y + 4 + 20 * line), text, INK, font)
        for column, picture in enumerate(pictures):
            page.paste(Image.fromarray(picture), (label_width + column * (width + gap), y))
    return page


def recordings(folder: Path) -> None:
    """What the default makes of each recording of a folder: six frames in a row."""
    pipeline = Pipeline.from_preset("default")
    rows = []
    for path in sorted(item for item in folder.iterdir() if item.suffix in (".flac", ".wav")):
        result = pipeline(path)
        things = sorted(set(result.layout.names.values()))
        words = [path.stem.replace("_", " "), *things]
        spread = np.linspace(0, len(result.video.frames) - 1, 6).round().astype(int)
        rows.append(("\n".join(words), marked(result.video, result.layout, [int(i) for i in spread])))
    page = grid(rows, 170)
    save("recordings.png", page.resize((page.width * 3 // 4, page.height * 3 // 4), Image.Resampling.LANCZOS))


def save(name: str, picture: Image.Image) -> None:
    """Writes a PNG of at most 256 colors."""
    with atomic_path(IMAGES / name) as path:
        picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(path, format="PNG", optimize=True)


def main() -> None:
    """Draws what is named."""
    made: dict[str, Callable[[], None]] = {f.__name__: f for f in (cues, plan, demo, injectors, moving, toyworld)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*made, "recordings"]))
    parser.add_argument("--recordings", type=Path, help="folder of .flac and .wav files")
    given = parser.parse_args()
    if strange := set(given.names) - {*made, "recordings"}:
        parser.error(f"there is no picture {sorted(strange)[0]!r}")
    for name in given.names or made:
        if name == "recordings":
            if given.recordings is None:
                parser.error("recordings: which? --recordings FOLDER")
            recordings(given.recordings)
        else:
            made[name]()


if __name__ == "__main__":
    main()
