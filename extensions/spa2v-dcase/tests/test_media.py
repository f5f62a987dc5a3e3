"""Sound and pictures of 360 degree recordings, against where things are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import MARK, RATE, ambisonics, stereo, write_film
from spa2v import AudioError, MediaError

from spa2v_dcase.annotations import Event
from spa2v_dcase.camera import Camera
from spa2v_dcase.media import perspective, take_pictures, take_sound

CAMERA = Camera()


def level_difference(samples: np.ndarray) -> float:
    """Right minus left in dB."""
    left, right = (float(np.sqrt(np.mean(side.astype(float) ** 2))) for side in samples)
    return 20 * np.log10(right / left)


@pytest.mark.parametrize("view", [0.0, 40.0, -90.0, 200.0])
def test_ambisonics_become_what_the_makers_of_the_stereo_data_mix(tmp_path: Path, view: float) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, ambisonics(2.0, azimuth_deg=30.0), RATE, subtype="FLOAT")
    clip = take_sound(path, 0.5, 1.0, view, "a")
    turned = stereo(2.0, azimuth_deg=30.0 + view).T[
        :, RATE // 2 : RATE * 3 // 2
    ]  # turned right, it is more at the left
    assert (clip.source, clip.duration_s, clip.sample_rate) == ("a", 1.0, RATE)
    scale = clip.samples.std() / turned.std()
    assert np.allclose(clip.samples, scale * turned, atol=1e-5)
    if view == 0.0:
        assert level_difference(clip.samples) == pytest.approx(20 * np.log10(0.5 / 1.5), abs=0.1), "louder at the left"


def test_stereo_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, stereo(1.0, -30.0), RATE, subtype="FLOAT")
    clip = take_sound(path, 0.0, 1.0, 0.0, "a")
    assert np.allclose(clip.samples.T, stereo(1.0, -30.0), atol=1e-6)
    assert level_difference(clip.samples) > 3


def test_other_sounds_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", stereo(1.0, 0.0)[:, :1], RATE)
    (tmp_path / "b.wav").write_text("no sound")
    with pytest.raises(AudioError, match=r"'a.wav' has 1 channels\n  expected 2 \(stereo\) or 4 \(Ambisonics\)"):
        take_sound(tmp_path / "a.wav", 0.0, 1.0, 0.0, "a")
    with pytest.raises(AudioError, match="cannot read"):
        take_sound(tmp_path / "b.wav", 0.0, 1.0, 0.0, "b")


def mark(picture: np.ndarray) -> tuple[float, float]:
    """Middle of the red pixels, in parts of the picture."""
    rows, columns = np.nonzero((picture[..., 0] > 150) & (picture[..., 1] < 120))
    return (columns.mean() + 0.5) / picture.shape[1], (rows.mean() + 0.5) / picture.shape[0]


@pytest.mark.parametrize(
    ("azimuth", "elevation", "view"), [(0, 0, 0), (-30, 0, 0), (35, 15, 0), (-10, -12, 0), (160, 5, 170)]
)
def test_the_camera_sees_a_thing_where_its_box_is(azimuth: float, elevation: float, view: float) -> None:
    panorama = np.zeros((480, 960, 3), np.uint8)
    row, column = round((0.5 - elevation / 180) * 480), round((0.5 + azimuth / 360) * 960)
    panorama[row - 5 : row + 5, column - 5 : column + 5] = MARK
    x, y = mark(perspective(panorama, view, CAMERA))
    bell = CAMERA.box(Event(0, 11, 0, azimuth - view, elevation, 4.0))  # a bell sounds from its middle
    assert bell is not None
    assert bell.center == pytest.approx((x, y), abs=0.01)


def test_pictures_are_taken_in_the_middle_of_the_frames(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", 4.0, (96, 192), (0.5, 0.5), 0.2)
    video = take_pictures(tmp_path / "a.mp4", 1.0, 2.0, 0.0, CAMERA)
    assert video.frames.shape == (20, 360, 640, 3)
    assert video.fps == 10.0
    assert mark(video.frames[0]) == pytest.approx((0.5, 0.5), abs=0.02)
    with pytest.raises(MediaError, match=r"'a\.mp4' ends before 6 s"):
        take_pictures(tmp_path / "a.mp4", 3.0, 3.0, 0.0, CAMERA)
    (tmp_path / "b.mp4").write_text("no film")
    with pytest.raises(MediaError, match="cannot read"):
        take_pictures(tmp_path / "b.mp4", 0.0, 1.0, 0.0, CAMERA)
