"""Writing videos and reading them back: times, sound, colors, suffixes, refusals, whole or absent."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from spa2v import AudioClip, GeneratedVideo, LayoutError, MediaError
from spa2v.core.media import encoding, files, video
from spa2v.core.media.audio import read_audio
from spa2v.core.media.encoding import aac_rate, fit_audio
from spa2v.core.media.images import gif_timing
from spa2v.core.media.video import contact_sheet, read_video, write_video

RED, BLUE = (200, 40, 50), (30, 80, 190)


def flags(count: int = 16, fps: float = 6.25, size: tuple[int, int] = (32, 48)) -> GeneratedVideo:
    """Red over blue, with a white bar that moves."""
    frames = np.empty((count, *size, 3), np.uint8)
    frames[:, : size[0] // 2], frames[:, size[0] // 2 :] = RED, BLUE
    for index in range(count):
        at = index * (size[1] - 4) // max(1, count - 1)
        frames[index, :, at : at + 4] = 255
    return GeneratedVideo(frames, fps)


def noise(seconds: float, rate: int = 44_100, channels: int = 2) -> AudioClip:
    """Noise below 8 kHz: the right channel is 6 dB louder and 5 samples later."""
    count = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(count + 5))
    spectrum[np.fft.rfftfreq(count + 5, 1 / rate) > min(8_000, 0.4 * rate)] = 0
    wave = np.fft.irfft(spectrum, count + 5)
    wave *= 0.1 / wave.std()
    both = np.stack([0.5 * wave[5:], wave[:count]])
    return AudioClip(both[:channels], rate)


TIMINGS = [
    (16, 6.25, 44_100),
    (16, 16 * 44_100 / 117_117, 44_100),
    (16, 16 / 3.3333, 48_000),
    (1, 0.02, 44_100),
    (1, 12.5, 44_100),
    (200, 400.0, 48_000),
    (16, 8.0, 8_000),
    (16, 8.0, 37_800),
    (16, 8.0, 192_000),
]


@pytest.mark.parametrize(("count", "fps", "rate"), TIMINGS)
def test_sound_and_pictures_last_the_same(tmp_path: Path, count: int, fps: float, rate: int) -> None:
    made = flags(count, fps)
    write_video(tmp_path / "a.mp4", made, noise(min(made.duration_s, 5.0), rate))
    with av.open(str(tmp_path / "a.mp4")) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.codec_context.name, picture.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (sound.codec_context.name, sound.rate, sound.channels) == ("aac", aac_rate(rate), 2)
        assert picture.frames == count
        picture_s, sound_s = (float(track.duration * track.time_base) for track in (picture, sound))
        times = [frame.time for frame in container.decode(picture)]
    assert picture_s == pytest.approx(count / fps, rel=1e-9)
    assert sound_s == pytest.approx(count / fps, abs=1e-3)
    assert times == pytest.approx((np.arange(count) / fps).tolist(), abs=1e-9)
    assert read_audio(tmp_path / "a.mp4").duration_s == pytest.approx(count / fps, abs=1e-3)


def test_a_video_comes_back(tmp_path: Path) -> None:
    made = flags(fps=16 / 2.7)
    write_video(tmp_path / "a.mp4", made)
    again = read_video(tmp_path / "a.mp4")
    assert again.frames.shape == made.frames.shape
    assert again.fps == pytest.approx(made.fps, rel=1e-9)
    assert np.abs(again.frames[3, 2, -6:].astype(int) - RED).max() <= 4
    assert np.abs(again.frames[3, -2, -6:].astype(int) - BLUE).max() <= 4


def test_the_sound_keeps_its_levels_and_delays(tmp_path: Path) -> None:
    clip = noise(2.56)
    write_video(tmp_path / "a.mp4", flags(), clip)
    again = read_audio(tmp_path / "a.mp4")
    assert again.samples.shape == clip.samples.shape
    difference_db = 20 * np.log10(again.right.std() / again.left.std())
    assert difference_db == pytest.approx(20 * np.log10(clip.right.std() / clip.left.std()), abs=0.1)
    assert _lag(again.right, again.left) == 5
    assert _lag(again.left, clip.left) == 0


def _lag(late: np.ndarray, early: np.ndarray) -> int:
    n = 2 * len(late)
    product = np.fft.irfft(np.fft.rfft(late, n) * np.conj(np.fft.rfft(early, n)), n)
    peak = int(np.argmax(product))
    return peak if peak < n // 2 else peak - n


def test_the_sound_is_cut_or_padded(tmp_path: Path) -> None:
    long, _ = fit_audio(noise(5.0), 2.56)
    short, rate = fit_audio(noise(1.0), 2.56)
    assert long.shape == short.shape == (2, round(2.56 * rate))
    assert np.array_equal(long[:, :1000], noise(5.0).samples[:, :1000])
    assert not short[:, rate + 1 :].any()


def test_sound_over_full_scale_is_turned_down_as_a_whole() -> None:
    loud = AudioClip(noise(1.0).samples * 40, 44_100)
    fitted, _ = fit_audio(loud, 1.0)
    assert np.abs(fitted).max() == pytest.approx(1.0)
    assert fitted[1].std() / fitted[0].std() == pytest.approx(loud.right.std() / loud.left.std(), rel=1e-5)


def test_mono_stays_mono(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", flags(), noise(2.56, channels=1))
    assert read_audio(tmp_path / "a.mp4").channels == 1


@pytest.mark.parametrize("size", [(33, 48), (32, 47), (3, 5), (2, 2)])
def test_odd_sides_grow_by_one_line(tmp_path: Path, size: tuple[int, int]) -> None:
    write_video(tmp_path / "a.mp4", flags(size=size))
    height, width = read_video(tmp_path / "a.mp4").frames.shape[1:3]
    assert (height, width) == (size[0] + size[0] % 2, size[1] + size[1] % 2)


def test_gif(tmp_path: Path) -> None:
    write_video(tmp_path / "a.GIF", flags(fps=16 / 2.7), noise(1.0))
    with Image.open(tmp_path / "a.GIF") as image:
        delays = [image.seek(index) or image.info["duration"] for index in range(image.n_frames)]
        assert image.size == (48, 32)
        image.seek(8)
        assert np.abs(np.asarray(image.convert("RGB"))[2, 2].astype(int) - RED).max() <= 12
    assert (len(delays), sum(delays)) == (16, 2700)
    assert read_video(tmp_path / "a.GIF").frames.shape == (16, 32, 48, 3)


@pytest.mark.parametrize(("count", "fps", "shown"), [(16, 6.25, 16), (1, 0.1, 1), (400, 200.0, 100), (3, 400.0, 1)])
def test_gif_timing(count: int, fps: float, shown: int) -> None:
    chosen, delays = gif_timing(count, fps)
    assert (len(chosen), chosen[0], len(delays)) == (shown, 0, shown)
    assert chosen == sorted(set(chosen))
    assert min(delays) >= 2
    assert sum(delays) == pytest.approx(100 * count / fps, abs=2)


def test_a_gif_that_lasts_too_long(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"^a GIF of 800 s cannot be written\n  the limit is 655 s; write \.mp4$"):
        write_video(tmp_path / "a.gif", flags(fps=0.02))


def test_contact_sheet(tmp_path: Path) -> None:
    made = flags(6)
    write_video(tmp_path / "a.png", made)
    with Image.open(tmp_path / "a.png") as written:
        assert written.size == contact_sheet(made).size
    sheet = np.asarray(contact_sheet(made, columns=3, times=False))
    assert sheet.shape == (2 * (32 + 4) + 4, 3 * (48 + 4) + 4, 3)
    assert np.array_equal(sheet[4 : 4 + 32, 4 + 52 : 4 + 52 + 48], made.frames[1])
    assert np.array_equal(sheet[40 : 40 + 32, 4 : 4 + 48], made.frames[3])


def test_contact_sheet_of_a_long_video_spreads() -> None:
    made = flags(100)
    sheet = np.asarray(contact_sheet(made, columns=2, max_frames=4, times=False))
    assert np.array_equal(sheet[4 : 4 + 32, 4 : 4 + 48], made.frames[0])
    assert np.array_equal(sheet[40 : 40 + 32, 56 : 56 + 48], made.frames[99])
    assert contact_sheet(made, cell_width=24).size[0] == 4 * (24 + 4) + 4


@pytest.mark.parametrize("name", ["a.avi", "a.wav", "a"])
def test_other_suffixes_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaError) as caught:
        write_video(tmp_path / name, flags())
    assert str(caught.value) == f"cannot write '{tmp_path}/{name}'\n  the suffix must be one of: .mp4, .gif, .png"


def test_folders_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(MediaError) as caught:
        write_video(tmp_path / "no" / "a.mp4", flags())
    assert (
        str(caught.value) == f"cannot write '{tmp_path}/no/a.mp4'\n  the folder '{tmp_path}/no' is missing or read-only"
    )
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(MediaError, match="it is a folder; give the name of a file"):
        write_video(tmp_path / "a.mp4", flags())


@pytest.mark.parametrize("fps", [0.0001, 2000.0])
def test_rates_that_cannot_be_written(tmp_path: Path, fps: float) -> None:
    with pytest.raises(MediaError, match=f"^{fps:g} frames a second cannot be written\n  expected 0.001 to 1000$"):
        write_video(tmp_path / "a.mp4", flags(fps=fps))


def test_a_long_name_still_fits_with_its_temporary_one(tmp_path: Path) -> None:
    name = "ü" * 120 + ".gif"
    write_video(tmp_path / name, flags(2))
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, MediaError, OSError])
@pytest.mark.parametrize("there_before", [True, False])
def test_a_failure_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException], there_before: bool
) -> None:
    if there_before:
        (tmp_path / "a.mp4").write_text("before")
    real = encoding._picture

    def fails_at_the_ninth(frame: np.ndarray, index: int, rate: object) -> object:
        if index == 8:
            assert any(path.name.endswith(".part.mp4") for path in tmp_path.iterdir())
            raise failure("stop")
        return real(frame, index, rate)  # type: ignore[arg-type]

    monkeypatch.setattr(encoding, "_picture", fails_at_the_ninth)
    with pytest.raises((KeyboardInterrupt, MediaError)):
        write_video(tmp_path / "a.mp4", flags(), noise(1.0))
    assert [path.name for path in tmp_path.iterdir()] == (["a.mp4"] if there_before else [])
    assert not there_before or (tmp_path / "a.mp4").read_text() == "before"


def test_a_failure_of_the_encoder_is_a_media_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "X264_OPTIONS", {"x264-params": "no-such-thing=1", "profile": "none such"})
    with pytest.raises(MediaError, match=r"^cannot encode the video: "):
        write_video(tmp_path / "a.mp4", flags())
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_as_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MediaError, match=r"^there is no file '.*a\.mp4'$"):
        read_video(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_text("no video " * 100)
    with pytest.raises(MediaError, match=r"^cannot read '.*b\.mp4': it is no video, or damaged\n  readable are: mp4"):
        read_video(tmp_path / "b.mp4")
    write_video(tmp_path / "c.mp4", flags())
    with pytest.raises(MediaError, match=r"^'.*c\.mp4' has more than 9 frames of 48 x 32\n  cut it shorter$"):
        read_video(tmp_path / "c.mp4", max_frames=9)
    monkeypatch.setattr(video, "MAX_BYTES", 32 * 48 * 3 * 5)
    with pytest.raises(MediaError, match="has more than 5 frames of 48 x 32"):
        read_video(tmp_path / "c.mp4")


def test_sound_without_pictures_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.m4a"), "w") as container:
        track = container.add_stream("aac", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="flt", layout="mono")
        frame.sample_rate = 44_100
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    with pytest.raises(MediaError, match="holds no pictures that can be decoded"):
        read_video(tmp_path / "a.m4a")


def test_text_is_written_whole_and_layouts_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_json(tmp_path / "a.json", {"a": "ü"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n "a": "ü"\n}\n'
    with pytest.raises(LayoutError) as caught:
        files.read_layout(tmp_path / "a.json")
    assert str(caught.value) == f"version: missing\n  in '{tmp_path}/a.json'"
    with pytest.raises(LayoutError, match=r"^cannot read the layout '.*b\.json': No such file or directory$"):
        files.read_layout(tmp_path / "b.json")
    monkeypatch.setattr(files, "MAX_LAYOUT_BYTES", 4)
    with pytest.raises(LayoutError, match="is larger than 0 MiB"):
        files.read_layout(tmp_path / "a.json")
