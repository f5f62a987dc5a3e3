"""Files that every player plays: whatever their headers say, the sound is read whole, in its place and on its side."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from spa2v import AudioClip, AudioError
from spa2v.core.media.audio import read_audio

RATE = 48_000


def noise(seconds: float, seed: int = 0, channels: int = 2) -> NDArray[np.float32]:
    """Shape (n, channels); another noise in each channel, the right one at a third of the level."""
    samples = np.random.default_rng(seed).standard_normal((round(seconds * RATE), channels)) * 0.1
    samples[:, 1:] /= 3
    return samples.astype(np.float32)


def encoded(samples: NDArray[np.float32], form: str, subtype: str) -> bytes:
    whole = io.BytesIO()
    soundfile.write(
        whole, samples, RATE, format=form, subtype=subtype, **({"compression_level": 0.0} if form == "OGG" else {})
    )
    return whole.getvalue()


def read(folder: Path, content: bytes, name: str = "a") -> AudioClip:
    (folder / name).write_bytes(content)
    return read_audio(folder / name)


def likeness(clip: AudioClip, samples: NDArray[np.float32], at_s: float = 0.0) -> float:
    """The lesser correlation of the channels with what went in, at the place where it belongs."""
    start = round(at_s * clip.sample_rate)
    part = clip.samples[:, start : start + len(samples)].T
    count = min(len(part), len(samples))
    return min(float(np.corrcoef(part[:count, i], samples[:count, i])[0, 1]) for i in range(2))


def frame(samples: NDArray[np.float32], first: int = 0, layout: str = "stereo") -> av.AudioFrame:
    made = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), format="flt", layout=layout)
    made.sample_rate, made.pts, made.time_base = RATE, first, Fraction(1, RATE)
    return made


def film(path: Path, parts: list[tuple[float, NDArray[np.float32]]], codec: str = "aac", tracks: int = 1) -> Path:
    """Three seconds of pictures, and sound that begins at the given times; each track is made alike."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 32, "yuv420p"
        sounds = [container.add_stream(codec, rate=RATE, layout="stereo") for _ in range(tracks)]
        for index in range(30):
            image = av.VideoFrame.from_ndarray(np.zeros((32, 64, 3), np.uint8), format="rgb24")
            image.pts = index
            container.mux(picture.encode(image))
        container.mux(picture.encode(None))
        for sound in sounds:
            for start_s, samples in parts:
                for first in range(0, len(samples) - 1023, 1024):
                    block = frame(samples[first : first + 1024], round(start_s * RATE) + first)
                    container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return path


def mp3(samples: NDArray[np.float32]) -> bytes:
    whole = io.BytesIO()
    soundfile.write(whole, samples, RATE, format="MP3", compression_level=0.1, bitrate_mode="VARIABLE")
    return whole.getvalue()


def without_length(content: bytes) -> bytes:
    """An MP3 without its first frame, which holds the Xing header."""
    return content[content.find(b"\xff\xfb", content.find(b"Xing")) :]


@pytest.mark.parametrize("factor", [0.5, 0.0, 2.0])
def test_the_frame_count_of_an_mp3_is_not_believed(tmp_path: Path, factor: float) -> None:
    samples = noise(3.0)
    content = bytearray(mp3(samples))
    at = content.find(b"Xing") + 8
    content[at : at + 4] = round(struct.unpack(">I", content[at : at + 4])[0] * factor).to_bytes(4, "big")
    assert read(tmp_path, bytes(content)).duration_s == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(
    "tail", [bytes(5_000), b"APETAGEX" + bytes(300), b"LYRICSBEGIN" + b"la " * 200, b"TAG" + bytes(125)]
)
def test_bytes_after_an_mp3_are_no_damage(tmp_path: Path, tail: bytes) -> None:
    content = without_length(mp3(noise(2.0)))
    clip, alone = read(tmp_path, content + tail), read(tmp_path, content, "b")
    assert clip.notices == ()
    assert clip.duration_s == pytest.approx(alone.duration_s, abs=0.03)
    assert np.array_equal(clip.samples[:, :RATE], alone.samples[:, :RATE])


def test_bytes_after_raw_aac_are_no_damage(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "b.aac"), "w") as container:
        sound = container.add_stream("aac", rate=RATE, layout="stereo")
        container.mux(sound.encode(frame(noise(2.0))))
        container.mux(sound.encode(None))
    content = (tmp_path / "b.aac").read_bytes()
    clip = read(tmp_path, content + b"TAG" + bytes(125))
    assert clip.notices == ()
    assert clip.duration_s == pytest.approx(read_audio(tmp_path / "b.aac").duration_s)


def test_joined_mp3_files_are_read_to_the_end(tmp_path: Path) -> None:
    first, second = without_length(mp3(noise(1.0))), without_length(mp3(noise(1.0, seed=1)))
    alone = [read(tmp_path, part, "b").duration_s for part in (first, second)]
    assert read(tmp_path, first + second).duration_s == pytest.approx(sum(alone), abs=0.03)


def test_a_chained_ogg_is_read_in_order(tmp_path: Path) -> None:
    first, second = noise(1.0), noise(1.5, seed=1)
    clip = read(tmp_path, encoded(first, "OGG", "VORBIS") + encoded(second, "OGG", "VORBIS"))
    assert clip.duration_s == pytest.approx(2.5, abs=0.01)
    assert clip.notices == ()
    assert likeness(clip, first) > 0.9
    assert likeness(clip, second, clip.duration_s - 1.5) > 0.9


def test_a_flac_of_unknown_length_behind_an_id3_tag(tmp_path: Path) -> None:
    samples = noise(1.0)
    content = bytearray(encoded(samples, "FLAC", "PCM_16"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)  # RFC 9639: 0 samples are an unknown number
    for head in (b"", b"ID3\4\0\0\0\0\0\x10" + bytes(16)):
        clip = read(tmp_path, head + bytes(content))
        assert (clip.samples.shape[1], clip.notices) == (RATE, ())
        assert np.abs(clip.samples - samples.T).max() < 1e-4


def test_a_flac_cut_by_stream_copy_has_no_silence_in_front(tmp_path: Path) -> None:
    samples = noise(4.0)
    content = encoded(samples, "FLAC", "PCM_16")
    (tmp_path / "whole").write_bytes(content)
    with av.open(str(tmp_path / "whole")) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    head = content[: content.find(packets[0][:8])]
    clip = read(tmp_path, head + b"".join(packets[10:]))
    assert clip.samples.shape[1] == 4 * RATE - 10 * 4096
    assert np.abs(clip.samples - samples[10 * 4096 :].T).max() < 1e-4
    assert clip.notices == ()


@pytest.mark.parametrize(("form", "zeros"), [("WAV", (4, 40)), ("AIFF", (4,)), ("AIFF", (4, 22, 42))])
def test_sizes_that_a_killed_recorder_never_filled_in(tmp_path: Path, form: str, zeros: tuple[int, ...]) -> None:
    samples = noise(1.0)
    content = bytearray(encoded(samples, form, "PCM_16"))
    if form == "AIFF":
        assert (content[12:16], content[38:42]) == (b"COMM", b"SSND")
    for at in zeros:
        content[at : at + 4] = bytes(4)
    clip = read(tmp_path, bytes(content))
    assert (clip.samples.shape[1], clip.notices) == (RATE, ())
    assert np.abs(clip.samples - samples.T).max() < 1e-4


@pytest.mark.parametrize(
    ("suffix", "codec"), [("wav", "libmp3lame"), ("avi", "libmp3lame"), ("avi", "pcm_s16le"), ("ts", "mp2")]
)
def test_further_containers(tmp_path: Path, suffix: str, codec: str) -> None:
    samples = noise(2.0)
    with av.open(str(tmp_path / f"a.{suffix}"), "w") as container:
        sound = container.add_stream(codec, rate=RATE, layout="stereo")
        container.mux(sound.encode(frame(samples)))
        container.mux(sound.encode(None))
    clip = read_audio(tmp_path / f"a.{suffix}")
    assert clip.duration_s == pytest.approx(2.0, abs=0.1)
    assert clip.notices == ()
    levels = np.sqrt(np.mean(clip.samples**2, axis=1))
    assert levels[0] / levels[1] == pytest.approx(3.0, rel=0.1)


def test_a_fragmented_mp4(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w", options={"movflags": "frag_keyframe+empty_moov"}) as container:
        sound = container.add_stream("aac", rate=RATE, layout="stereo")
        container.mux(sound.encode(frame(noise(2.0))))
        container.mux(sound.encode(None))
    clip = read_audio(tmp_path / "a.mp4")
    assert clip.duration_s == pytest.approx(2.0, abs=0.05)
    assert clip.notices == ()


@pytest.mark.parametrize("suffix", ["mkv", "mov"])
def test_a_late_sound_stays_with_the_picture(tmp_path: Path, suffix: str) -> None:
    samples = noise(1.5)
    clip = read_audio(film(tmp_path / f"a.{suffix}", [(1.0, samples)], "pcm_s16le"))
    assert not clip.samples[:, : RATE - 480].any()
    assert likeness(clip, samples[480:-1024], 1.01) > 0.999
    assert any(note.startswith("The sound begins 1.0") for note in clip.notes)
    assert clip.notices == ()


def test_a_piece_counts_from_the_start_of_the_file(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", [(1.0, noise(1.5))], "pcm_s16le")
    whole, piece = read_audio(path), read_audio(path, 0.5, 1.0)
    assert np.array_equal(piece.samples, whole.samples[:, RATE // 2 : 3 * RATE // 2])


def test_a_gap_in_the_time_stamps_is_silence(tmp_path: Path) -> None:
    first, second = noise(64 * 1024 / RATE), noise(32 * 1024 / RATE, seed=1)
    clip = read_audio(film(tmp_path / "a.mkv", [(0.0, first), (2.0, second)], "pcm_s16le"))
    assert likeness(clip, first) > 0.999
    assert likeness(clip, second[:-1024], 2.0) > 0.999
    assert not clip.samples[:, len(first) : 2 * RATE - 480].any()
    assert clip.notices == ()
    assert any("in the time stamps" in note for note in clip.notes)


def test_a_track_of_an_unknown_codec_is_passed_over(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mov", [(0.0, noise(1.0))], "pcm_s16le", tracks=2)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"sowt", b"zzzz", 1))
    clip = read_audio(path, strict=True)
    assert clip.notices == (f"Audio track 1 of {str(path)!r} cannot be decoded; track 2 was read.",)
    assert clip.duration_s == pytest.approx(1.0, abs=0.1)
    path.write_bytes(content.replace(b"sowt", b"zzzz"))
    with pytest.raises(AudioError, match="holds no sound that can be decoded"):
        read_audio(path)


def adts(path: Path, rate: int, layout: str) -> bytes:
    with av.open(str(path), "w", format="adts") as container:
        sound = container.add_stream("aac", rate=rate, layout=layout)
        made = frame(noise(rate / RATE, channels=2 if layout == "stereo" else 1), layout=layout)
        made.sample_rate, made.time_base = rate, Fraction(1, rate)
        container.mux(sound.encode(made))
        container.mux(sound.encode(None))
    return path.read_bytes()


def test_rate_and_channels_that_change_on_the_way_become_those_of_the_start(tmp_path: Path) -> None:
    clip = read(tmp_path, adts(tmp_path / "b", RATE, "stereo") + adts(tmp_path / "c", RATE // 2, "mono"))
    assert (clip.sample_rate, clip.channels) == (RATE, 2)
    assert clip.duration_s == pytest.approx(2.0, abs=0.2)
    assert any("change" in note for note in clip.notes)


def b_format_header(channels: int, count: int) -> bytes:
    """A WAV header whose GUID says Ambisonics in B-format."""
    guid = bytes.fromhex("010000002107d3118644c8c1ca000000")
    body = struct.pack("<HHIIHHHHI", 0xFFFE, channels, RATE, RATE * 4 * channels, 4 * channels, 32, 22, 32, 0) + guid
    size = count * 4 * channels
    return (
        b"RIFF"
        + struct.pack("<I", 60 + size)
        + b"WAVEfmt "
        + struct.pack("<I", 40)
        + body
        + b"data"
        + struct.pack("<I", size)
    )


def sphere(azimuth_deg: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A noise from a direction (left is positive) in B-format (W X Y Z) and in AmbiX (W Y Z X)."""
    sound = np.random.default_rng(0).standard_normal(RATE) * 0.1
    x, y = np.cos(np.radians(azimuth_deg)) * sound, np.sin(np.radians(azimuth_deg)) * sound
    flat = np.zeros(RATE)
    return np.stack([sound / np.sqrt(2), x, y, flat], 1), np.stack([sound, y, flat, x], 1)


@pytest.mark.parametrize("azimuth_deg", [-90.0, -30.0, 0.0, 15.0, 60.0, 90.0])
def test_ambisonics_becomes_stereo_that_is_heard_where_it_was(tmp_path: Path, azimuth_deg: float) -> None:
    b_format, ambix = sphere(azimuth_deg)
    whole = (b_format * 2**31).astype("<i4").tobytes()
    clips = [read(tmp_path, b_format_header(4, RATE) + whole, "a.amb")]
    with av.open(str(tmp_path / "a.mka"), "w", format="matroska") as container:
        container.metadata["comment"] = "AmbiX, SN3D"
        sound = container.add_stream("pcm_f32le", rate=RATE, layout="4.0")
        container.mux(sound.encode(frame(ambix.astype(np.float32), layout="4.0")))
        container.mux(sound.encode(None))
    clips.append(read_audio(tmp_path / "a.mka"))
    for clip in clips:
        left, right = np.sum(clip.samples.astype(np.float64) ** 2, axis=1)
        heard = np.degrees(np.arcsin((left - right) / (left + right)))
        assert heard == pytest.approx(azimuth_deg, abs=12.0)
        assert "Ambisonics" in clip.notes[0]


def test_four_channels_without_such_a_word_are_loudspeakers(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(0.5, channels=4), RATE)
    assert read_audio(tmp_path / "a.wav").notes[0].startswith("4.0 sound (FL FR BL BR)")


def test_a_dangling_link_is_named_by_its_target(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to("gone.wav")
    with pytest.raises(AudioError) as caught:
        read_audio(tmp_path / "a.wav")
    assert str(caught.value) == f"'{tmp_path}/a.wav' is a link to 'gone.wav', which does not exist"


HARD = [
    ("base.wav", 1.45, 1.45),
    ("xing_half.mp3", 1.45, 1.45),
    ("flac_unknown_length.flac", 1.45, 1.45),
    ("flac_cut_copy.flac", 8.832, 8.832),
    ("late1s.mkv", 2.45, 2.7),
    ("gap.mp4", 1.45, 1.55),
    ("mp3_then_zeros.mp3", 1.656, 1.656),
    ("chained.ogg", 2.9, 2.94),
    ("wav_size_zero.wav", 1.45, 1.45),
    ("ambisonic_bformat.amb", 0.6, 0.6),
    ("first_track_unknown_codec.mov", 1.45, 1.55),
]


@pytest.mark.parametrize(("name", "least_s", "most_s"), HARD)
def test_reference_files(
    reference: Path, name: str, least_s: float, most_s: float, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = read_audio(reference / "hard_media" / name)
    assert least_s - 1e-3 <= clip.duration_s <= most_s + 1e-3
    assert bool(clip.notices) == (name == "first_track_unknown_codec.mov")
    assert capfd.readouterr() == ("", "")


def test_a_file_of_packets_that_all_fail_is_given_up(tmp_path: Path) -> None:
    """By its broken header, each of 480,000 packets of four bytes holds a sample of five million channels."""
    content = bytearray(encoded(noise(10.0), "CAF", "PCM_16"))
    at = content.find(b"desc") + 12 + 24  # channels
    content[at : at + 4] = (5_000_000).to_bytes(4, "big")
    with pytest.raises(AudioError, match="holds no sound that can be decoded"):
        read(tmp_path, bytes(content))
