"""One recording into clips of the benchmark: cut, seen, written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spa2v import (
    AudioError,
    BenchmarkClip,
    ConfigError,
    LayoutError,
    MediaError,
    Spa2vError,
    atomic_path,
    write_audio,
    write_text,
    write_video,
)

from spa2v_dcase.annotations import ANNOTATION, FRAME_S, Event, events_text, read_events
from spa2v_dcase.camera import Camera
from spa2v_dcase.media import AMBISONIC, sound_length, take_pictures, take_sound
from spa2v_dcase.recordings import Recording
from spa2v_dcase.scene import Scene, make_scene
from spa2v_dcase.things import window

LAYOUT, VIDEO = "layout.json", "video.mp4"
KINDS = {AudioError: "sound", MediaError: "video", LayoutError: "annotation"}
Events = tuple[Event, ...]


@dataclass(frozen=True)
class Recipe:
    """How clips are made.

    Args:
        length_s: longer recordings are cut into pieces of this length; a shorter rest is dropped.
        view_deg: where the camera looks, to the right of the front, in 360 degree recordings.
        field_of_view_deg: horizontal.
        hold: things stay in the picture while they are silent.
        videos: keep pictures.

    Raises:
        ConfigError: a number is out of range.
    """

    length_s: float = 5.0
    view_deg: float = 0.0
    field_of_view_deg: float = 100.0
    hold: bool = True
    videos: bool = True

    def __post_init__(self) -> None:
        for name, low, high in (("length_s", 0.5, 60), ("view_deg", -360, 360), ("field_of_view_deg", 20, 150)):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name}: {getattr(self, name):g}", f"expected {low:g} to {high:g}")


@dataclass(frozen=True)
class LeftOut:
    """A clip that is not in the benchmark, and why."""

    id: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Piece:
    """A clip to be: a part of a recording. `start` and `frames` count frames of 100 ms."""

    recording: Recording
    id: str
    start: int
    frames: int
    view_deg: float = 0.0
    whole: bool = True

    @property
    def span_s(self) -> tuple[float, float]:
        """Start and length in seconds."""
        return self.start * FRAME_S, self.frames * FRAME_S


def make_clips(recording: Recording, out: Path, recipe: Recipe) -> Iterator[BenchmarkClip | LeftOut]:
    """The clips of a recording, written into `out / "clips"`; a fault costs the clip, or the recording, and no more."""
    try:
        events = read_events(recording.annotation)
        pieces = list(_pieces(recording, recipe))
    except Spa2vError as error:
        yield LeftOut(recording.name, "sound" if isinstance(error, AudioError) else "annotation", str(error))
        return
    if not pieces:
        yield LeftOut(recording.name, "short", f"it is shorter than {recipe.length_s:g} s")
    for piece in pieces:
        try:
            yield _clip(piece, events, out, recipe)
        except tuple(KINDS) as error:
            yield LeftOut(piece.id, next(KINDS[kind] for kind in KINDS if isinstance(error, kind)), str(error))


def _pieces(recording: Recording, recipe: Recipe) -> Iterator[Piece]:
    """A stereo recording of about the wanted length as it is; of others, all whole pieces."""
    seconds, channels = sound_length(recording.sound)
    frames = round(recipe.length_s / FRAME_S)
    if channels != AMBISONIC and seconds < recipe.length_s + FRAME_S:
        yield Piece(recording, recording.name, 0, max(1, round(seconds / FRAME_S)))
        return
    view = recipe.view_deg if channels == AMBISONIC else 0.0
    for start in range(0, int(seconds / FRAME_S + 1e-6) - frames + 1, frames):
        name = f"{recording.name}_deg{round(view) % 360:03}_start{start:04}"
        yield Piece(recording, name, start, frames, view, whole=False)


def _clip(piece: Piece, events: Events, out: Path, recipe: Recipe) -> BenchmarkClip | LeftOut:
    seen = tuple(window(events, piece.start, piece.frames, piece.view_deg))
    if not seen:
        return LeftOut(piece.id, "silent", "nothing is annotated")
    camera = Camera(recipe.field_of_view_deg)
    scene = make_scene(seen, piece.span_s[1], camera, recipe.hold)
    if scene is None:
        return LeftOut(piece.id, "offscreen", "nothing that sounds is in the picture")
    folder = out / "clips" / piece.id
    if not (folder / LAYOUT).exists():  # it is written last
        _write(folder, piece, seen, scene, camera, recipe.videos)
    return _line(piece, scene, has_video=(folder / VIDEO).exists())


def _write(folder: Path, piece: Piece, seen: Events, scene: Scene, camera: Camera, videos: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {str(folder)!r}", str(error)) from error
    sound, video = piece.recording.sound, piece.recording.video
    write_audio(folder / f"{piece.id}.flac", take_sound(sound, *piece.span_s, piece.view_deg, piece.id))
    write_text(folder / ANNOTATION, events_text(seen))
    if video is not None and videos and piece.whole:
        with atomic_path(folder / VIDEO) as temporary:
            shutil.copyfile(video, temporary)
    elif video is not None and videos:
        write_video(folder / VIDEO, take_pictures(video, *piece.span_s, piece.view_deg, camera))
    write_text(folder / LAYOUT, scene.layout.dumps())


def _line(piece: Piece, scene: Scene, has_video: bool) -> BenchmarkClip:
    facts = {"boxes": "derived from directions, distances and usual sizes", "offscreen": list(scene.offscreen)}
    return BenchmarkClip(
        id=piece.id,
        source_id=piece.recording.source,
        split=piece.recording.split,
        scenario=scene.layout.scenario or "stationary",
        quantity="single" if len(scene.objects) == 1 else "multiple",
        duration_s=scene.layout.duration_s,
        objects=scene.objects,
        audio=f"clips/{piece.id}/{piece.id}.flac",
        layout=f"clips/{piece.id}/{LAYOUT}",
        video=f"clips/{piece.id}/{VIDEO}" if has_video else None,
        caption=scene.layout.caption,
        facts=facts | ({} if piece.whole else {"start_s": piece.span_s[0], "view_deg": piece.view_deg}),
    )
