"""Reading sound: every format, every refusal with its words."""

from __future__ import annotations

import contextlib
import math
import re
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spa2v import AudioClip, AudioError, MediaError
from spa2v.core.media.audio import read_audio, write_audio

RATE = 44_100


def tones(seconds: float = 0.5, rate: int = RATE, channels: int = 2) -> np.ndarray:
    """Shape (n, channels): a tone of its own in each channel, 300, 400, 500, ... Hz."""
    t = np.arange(round(seconds * rate)) / rate
    return np.stack([0.2 * np.sin(2 * np.pi * (300 + 100 * i) * t) for i in range(channels)], axis=1)


def strength(clip: AudioClip, channels: int) -> list[tuple[float, float]]:
    """How loud each of the tones is, left and right, 1 being as it went in."""
    n = clip.samples.shape[1]
    t = np.arange(n) / clip.sample_rate
    waves = np.exp(-2j * np.pi * np.outer(300 + 100 * np.arange(channels), t))
    levels = np.abs(waves @ clip.samples.T) * 2 / n / 0.2
    return [(round(float(left), 2), round(float(right), 2)) for left, right in levels]


def encode(
    path: Path, codec: str | None, samples: np.ndarray, rate: int, layout: str = "stereo", pictures: int = 0
) -> Path:
    """A real file by PyAV; the container follows the suffix."""
    with av.open(str(path), "w") as container:
        options = (
            {"aac_pns": "0", "aac_is": "0"} if codec == "aac" else {}
        )  # PNS decodes to noise that differs each time
        sound = container.add_stream(codec, rate=rate, layout=layout, options=options) if codec else None
        picture = (
            container.add_stream("mpeg4" if path.suffix != ".webm" else "libvpx-vp9", rate=10) if pictures else None
        )
        if picture:
            picture.width = picture.height = 32
            picture.pix_fmt = "yuv420p"
            for index in range(pictures):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 9 * index, np.uint8), format="rgb24")
                frame.pts = index
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
        if sound:
            packed = np.ascontiguousarray(samples.astype(np.float32).reshape(1, -1))
            block = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
            block.sample_rate, block.pts, block.time_base = rate, 0, Fraction(1, rate)
            container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return path


def refusal(path: Path | str, *args: object, **options: object) -> str:
    with pytest.raises(AudioError) as caught:
        read_audio(path, *args, **options)  # type: ignore[arg-type]
    return str(caught.value)


SNDFILE = [
    ("wav", "WAV", "PCM_U8", 0.02),
    ("wav", "WAV", "PCM_16", 1e-4),
    ("wav", "WAV", "PCM_24", 1e-6),
    ("wav", "WAV", "PCM_32", 1e-6),
    ("wav", "WAV", "FLOAT", 1e-7),
    ("wav", "WAVEX", "DOUBLE", 1e-7),
    ("wav", "RF64", "PCM_16", 1e-4),
    ("w64", "W64", "PCM_16", 1e-4),
    ("flac", "FLAC", "PCM_16", 1e-4),
    ("flac", "FLAC", "PCM_24", 1e-6),
    ("aiff", "AIFF", "PCM_16", 1e-4),
    ("au", "AU", "PCM_16", 1e-4),
    ("caf", "CAF", "PCM_16", 1e-4),
]


@pytest.mark.parametrize(("suffix", "container", "subtype", "tolerance"), SNDFILE)
@pytest.mark.parametrize("channels", [1, 2])
def test_lossless_formats_come_back_as_they_were(
    tmp_path: Path, suffix: str, container: str, subtype: str, tolerance: float, channels: int
) -> None:
    samples = tones(channels=channels)
    soundfile.write(tmp_path / f"a.{suffix}", samples, RATE, format=container, subtype=subtype)
    clip = read_audio(tmp_path / f"a.{suffix}")
    assert (clip.channels, clip.sample_rate, clip.notes) == (channels, RATE, ())
    assert clip.source == f"a.{suffix}"
    assert np.abs(clip.samples - samples.T).max() < tolerance


@pytest.mark.parametrize(
    ("suffix", "container", "subtype", "rate"),
    [("ogg", "OGG", "VORBIS", 44_100), ("opus", "OGG", "OPUS", 48_000), ("mp3", "MP3", "MPEG_LAYER_III", 44_100)],
)
def test_lossy_formats_of_soundfile(tmp_path: Path, suffix: str, container: str, subtype: str, rate: int) -> None:
    soundfile.write(tmp_path / f"a.{suffix}", tones(1.0, rate), rate, format=container, subtype=subtype)
    clip = read_audio(tmp_path / f"a.{suffix}")
    assert (clip.channels, clip.sample_rate) == (2, rate)
    assert clip.duration_s == pytest.approx(1.0, abs=0.03)
    assert strength(clip, 2) == [pytest.approx((1, 0), abs=0.05), pytest.approx((0, 1), abs=0.05)]


@pytest.mark.parametrize(
    ("suffix", "codec", "pictures"),
    [
        ("m4a", "aac", 0),
        ("aac", "aac", 0),
        ("mp4", "aac", 10),
        ("mov", "pcm_s24le", 10),
        ("mkv", "flac", 10),
        ("mkv", "aac", 0),
        ("webm", "libopus", 10),
    ],
)
def test_formats_of_pyav(tmp_path: Path, suffix: str, codec: str, pictures: int) -> None:
    path = encode(tmp_path / f"a.{suffix}", codec, tones(1.0, 48_000), 48_000, pictures=pictures)
    clip = read_audio(path)
    assert (clip.channels, clip.sample_rate) == (2, 48_000)
    assert clip.duration_s == pytest.approx(1.0, abs=0.05)
    assert strength(clip, 2) == [pytest.approx((1, 0), abs=0.08), pytest.approx((0, 1), abs=0.08)]


def test_the_content_decides_the_format_not_the_suffix(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", "aac", tones(0.5, 48_000), 48_000)
    for name in ("a.wav", "a.raw", "a.txt", "a"):
        read_audio(path.rename(tmp_path / name))
        path = tmp_path / name


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 96_000, 192_000])
def test_rates(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tones(0.2, rate), rate)
    assert read_audio(tmp_path / "a.wav").sample_rate == rate


@pytest.mark.parametrize("rate", [4_000, 384_000])
def test_rates_out_of_range(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tones(0.2, rate), rate)
    assert refusal(tmp_path / "a.wav") == (
        f"'{tmp_path}/a.wav': the sample rate is {rate} Hz\n  8000 to 192000 Hz are supported"
    )


half, none = (0.71, 0.0), (0.0, 0.0)
SURROUND = [(1.0, 0.0), (0.0, 1.0), (0.71, 0.71), none, half, half[::-1], half, half[::-1]]


@pytest.mark.parametrize(
    ("channels", "name", "order"), [(6, "5.1", "FL FR FC LFE BL BR"), (8, "7.1", "FL FR FC LFE BL BR SL SR")]
)
def test_surround_is_mixed_down_and_says_so(tmp_path: Path, channels: int, name: str, order: str) -> None:
    soundfile.write(tmp_path / "a.wav", tones(channels=channels), RATE)
    clip = read_audio(tmp_path / "a.wav")
    assert strength(clip, channels) == [pytest.approx(gain, abs=0.011) for gain in SURROUND[:channels]]
    assert clip.notes[0] == (
        f"{name} sound ({order}) was mixed down to stereo after ITU-R BS.775: "
        "center and surround channels at -3 dB, LFE left out."
    )


@pytest.mark.parametrize("layout", ["5.1", "7.1"])
def test_surround_in_compressed_files(tmp_path: Path, layout: str) -> None:
    channels = {"5.1": 6, "7.1": 8}[layout]
    path = encode(tmp_path / "a.m4a", "aac", tones(1.0, 48_000, channels), 48_000, layout)
    assert strength(read_audio(path), channels) == [pytest.approx(gain, abs=0.06) for gain in SURROUND[:channels]]


def test_vorbis_has_an_order_of_its_own(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", tones(1.0, channels=6), RATE, format="OGG", subtype="VORBIS")  # L C R Ls Rs LFE
    found = strength(read_audio(tmp_path / "a.ogg"), 6)
    wanted = [(1, 0), (0.71, 0.71), (0, 1), half, half[::-1], none]
    assert found == [pytest.approx(gain, abs=0.05) for gain in wanted]


def test_a_mix_over_full_scale_is_scaled_as_a_whole(tmp_path: Path) -> None:
    samples = np.zeros((RATE, 6))
    samples[:, 0], samples[:, 1], samples[:, 2] = 0.9, 0.45, 0.8
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    clip = read_audio(tmp_path / "a.wav")
    left = 0.9 + 0.8 * math.sqrt(0.5)
    assert clip.left[0] == pytest.approx(1.0)
    assert clip.right[0] / clip.left[0] == pytest.approx((left - 0.45) / left)
    assert clip.notes[1] == "The mix was scaled by -3.3 dB to stay in range."


def test_an_unknown_order_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tones(channels=16), RATE)
    assert refusal(tmp_path / "a.wav") == (
        f"'{tmp_path}/a.wav' has 16 channels in an order that is not known\n"
        "  mono, stereo, loudspeaker layouts up to 7.1 and Ambisonics that the file declares can be read"
    )


@pytest.mark.parametrize("suffix", ["wav", "m4a", "mkv"])
def test_a_piece_is_the_same_as_in_the_whole(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).standard_normal((5 * 48_000, 2)) * 0.1
    if suffix == "wav":
        soundfile.write(tmp_path / "a.wav", noise, 48_000)
    else:
        encode(tmp_path / f"a.{suffix}", "aac", noise, 48_000)
    whole = read_audio(tmp_path / f"a.{suffix}").samples
    for start in (0.25, 3.5):
        piece = read_audio(tmp_path / f"a.{suffix}", start_s=start, duration_s=0.5).samples
        at = round(start * 48_000)
        assert piece.shape == (2, 24_000)
        assert np.abs(piece - whole[:, at : at + 24_000]).max() < 1e-3


def test_less_is_read_where_the_sound_ends_before(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tones(1.0), RATE)
    clip = read_audio(tmp_path / "a.wav", start_s=0.75, duration_s=2)
    assert clip.duration_s == pytest.approx(0.25)
    assert clip.notes == ("2 s were asked for; the sound ends after 0.250 s.",)


def test_silence_is_not_an_error(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((RATE, 2)), RATE)
    assert not read_audio(tmp_path / "a.wav").samples.any()


def test_missing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "street_1.wav", tones(), RATE)
    assert refusal(tmp_path / "street_l.wav") == (
        f"there is no file '{tmp_path}/street_l.wav'\n  did you mean '{tmp_path}/street_1.wav'?"
    )
    assert refusal(tmp_path / "no" / "a.wav") == (
        f"there is no file '{tmp_path}/no/a.wav'\n  the folder '{tmp_path}/no' is not there either"
    )


def test_a_name_that_no_file_can_have() -> None:
    assert refusal("a\0b.wav").startswith("cannot read 'a\\x00b.wav'")
    assert refusal("a" * 5000).startswith("cannot read 'aaa")


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"'{tmp_path}' is a folder\n  give one sound file; `spa2v batch` takes many"


def test_a_device() -> None:
    assert refusal("/dev/zero") == "'/dev/zero' is not a regular file\n  pipes and devices cannot be read"


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    assert refusal(tmp_path / "a.wav") == f"'{tmp_path}/a.wav' is empty\n  the file has 0 bytes"
    soundfile.write(tmp_path / "b.wav", np.zeros((0, 2)), RATE)
    assert refusal(tmp_path / "b.wav") == f"'{tmp_path}/b.wav': the sound is empty"


@pytest.mark.parametrize(
    "content",
    [
        b"not a sound " * 200,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 500,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hosts\n",
    ],
    ids=["text", "picture", "playlist"],
)
def test_an_unknown_format(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp3").write_bytes(content)
    assert refusal(tmp_path / "a.mp3") == (
        f"cannot read '{tmp_path}/a.mp3': the format is not known or the file is damaged\n"
        "  readable are: wav, flac, ogg, opus, mp3, aiff, m4a, aac, "
        "or the audio track of mp4, mov, mkv, webm, avi and others"
    )


def test_a_list_of_files_opens_no_other_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "other.wav", tones(), RATE)
    (tmp_path / "a.wav").write_text("ffconcat version 1.0\nfile other.wav\n")
    assert refusal(tmp_path / "a.wav").startswith(f"cannot read '{tmp_path}/a.wav': the format is not known")


def test_no_audio_track(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", None, tones(), RATE, pictures=5)
    assert refusal(path) == f"'{path}' holds no audio track\n  it holds: video"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_nan_and_inf(tmp_path: Path, bad: float, channels: int) -> None:
    samples = tones(channels=channels)
    samples[1000, 0] = bad
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    assert refusal(tmp_path / "a.wav") == "'a.wav': the samples hold NaN or Inf"


def lost(path: Path) -> str:
    """What the one notice of a damaged file says was lost."""
    clip = read_audio(path)
    (notice,) = clip.notices
    start, end = f"{str(path)!r} is damaged: ", "; the rest is used."
    assert notice.startswith(start)
    assert notice.endswith(end)
    text = notice.removeprefix(start).removesuffix(end)
    assert refusal(path, strict=True) == (
        f"{str(path)!r} is damaged: {text}\n  without --strict-media (audio.strict), what decodes is used"
    )
    return text


CUTS = [
    ("wav", "WAV", "PCM_16", "its last 0.300 s are missing"),
    ("rf64", "RF64", "PCM_16", "its last 0.300 s are missing"),
    ("w64", "W64", "PCM_16", "it ends in the middle of its samples"),
    ("aiff", "AIFF", "PCM_16", "it ends 0.300 s before the 1.000 s that it declares"),
    ("au", "AU", "PCM_16", "it ends 0.300 s before the 1.000 s that it declares"),
    ("caf", "CAF", "PCM_16", "it ends in the middle of its samples"),
    ("flac", "FLAC", "PCM_16", "it ends 0.350 s before the 1.000 s that it declares"),
    ("ogg", "OGG", "VORBIS", "it ends in the middle of a page"),
    ("mp3", "MP3", "MPEG_LAYER_III", "it ends 0.300 s before the 1.000 s that it declares"),
]


@pytest.mark.parametrize(("suffix", "container", "subtype", "words"), CUTS)
def test_what_is_left_of_a_truncated_file_is_used(
    tmp_path: Path, suffix: str, container: str, subtype: str, words: str
) -> None:
    noise = np.random.default_rng(0).standard_normal((RATE, 2)) * 0.1
    soundfile.write(tmp_path / "whole", noise, RATE, format=container, subtype=subtype)
    content = (tmp_path / "whole").read_bytes()
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content[: len(content) * 7 // 10])
    assert NUMBER.sub("N", lost(path)) == NUMBER.sub("N", words)
    clip = read_audio(path)
    assert clip.duration_s == pytest.approx(0.7, abs=0.1) or (suffix == "ogg" and 0.05 <= clip.duration_s < 0.8)
    if suffix not in ("ogg", "mp3"):
        assert np.abs(clip.samples - noise[: clip.samples.shape[1]].T).max() < 1e-4


NUMBER = re.compile(r"[\d.]+")


def aac_film(path: Path, options: dict[str, str]) -> bytes:
    with av.open(str(path), "w", options=options) as container:
        track = container.add_stream("aac", rate=RATE, layout="stereo")
        noise = np.random.default_rng(0).standard_normal((1, 4 * RATE)).astype(np.float32) * 0.1
        block = av.AudioFrame.from_ndarray(noise, format="flt", layout="stereo")
        block.sample_rate, block.pts = RATE, 0
        container.mux(track.encode(block))
        container.mux(track.encode(None))
    return path.read_bytes()


def test_what_is_left_of_a_truncated_mp4_is_used(tmp_path: Path) -> None:
    content = aac_film(tmp_path / "whole.mp4", {"movflags": "+faststart"})
    (tmp_path / "a.mp4").write_bytes(content[: len(content) * 7 // 10])
    assert " before the 2.000 s that it declares" in lost(tmp_path / "a.mp4")
    assert read_audio(tmp_path / "a.mp4").duration_s == pytest.approx(1.4, abs=0.1)


def test_an_mp4_without_its_index_is_refused(tmp_path: Path) -> None:
    content = aac_film(tmp_path / "whole.mp4", {})
    (tmp_path / "a.mp4").write_bytes(content[: len(content) * 7 // 10])
    assert refusal(tmp_path / "a.mp4") == (
        f"cannot read '{tmp_path}/a.mp4': the format is not known or the file is damaged\n"
        "  an MP4 or MOV without its index (the recording or the copy was not finished) cannot be read"
    )


def test_what_is_left_of_a_truncated_mkv_is_used(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal((RATE, 2)) * 0.1
    content = encode(tmp_path / "whole.mkv", "flac", noise, RATE).read_bytes()
    (tmp_path / "a.mkv").write_bytes(content[: len(content) * 7 // 10])
    assert lost(tmp_path / "a.mkv").endswith(" before the 1.000 s that it declares")
    clip = read_audio(tmp_path / "a.mkv")
    assert np.abs(clip.samples - noise[: clip.samples.shape[1]].T).max() < 1e-4


@pytest.mark.parametrize("kind", ["aac", "mp4"])
def test_broken_bytes_cost_no_more_than_their_frames(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).standard_normal((4 * 48_000, 2)) * 0.1
    content = bytearray(encode(tmp_path / f"whole.{kind}", "aac", noise, 48_000).read_bytes())
    start = len(content) // 2
    content[start : start + 1_200] = bytes((byte * 7 + 13) & 255 for byte in content[start : start + 1_200])
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content)
    found = re.fullmatch(r"([\d.]+) s (?:near|in \d places from) ([\d.]+) s (?:on )?could not be decoded", lost(path))
    assert found is not None
    assert float(found[1]) < 0.3
    assert float(found[2]) == pytest.approx(2.0, abs=0.3)
    whole, clip = read_audio(tmp_path / f"whole.{kind}"), read_audio(path)
    assert clip.duration_s == pytest.approx(whole.duration_s, abs=0.15)
    assert np.abs(clip.samples[:, :48_000] - whole.samples[:, :48_000]).max() < 1e-6


def test_a_lost_ogg_page_becomes_silence(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal((4 * RATE, 2)) * 0.1
    soundfile.write(tmp_path / "whole.ogg", noise, RATE, format="OGG", subtype="VORBIS")
    content = bytearray((tmp_path / "whole.ogg").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.ogg").write_bytes(content)
    assert re.fullmatch(r"[\d.]+ s near [\d.]+ s could not be decoded", lost(tmp_path / "a.ogg"))
    whole, clip = read_audio(tmp_path / "whole.ogg"), read_audio(tmp_path / "a.ogg")
    assert clip.duration_s == pytest.approx(4.0, abs=1e-3)
    assert np.abs(clip.samples[:, -RATE:] - whole.samples[:, -RATE:]).max() < 1e-6  # what follows stays in its place


@pytest.mark.parametrize("quiet_first", [True, False])
def test_an_mp3_that_declares_no_length_is_read_to_its_end(tmp_path: Path, quiet_first: bool) -> None:
    """Its bit rate varies, so a guess from the first frame is far off."""
    samples = np.zeros((8 * RATE, 2))
    samples[4 * RATE :] = np.random.default_rng(0).standard_normal((4 * RATE, 2)) * 0.2
    samples = samples if quiet_first else samples[::-1]
    whole = tmp_path / "whole.mp3"
    soundfile.write(whole, samples, RATE, format="MP3", compression_level=0.5, bitrate_mode="VARIABLE")
    content = whole.read_bytes()
    after_header = content.find(b"\xff\xfb", content.find(b"Xing"))
    (tmp_path / "a.mp3").write_bytes(content[after_header:])
    assert read_audio(tmp_path / "a.mp3").duration_s == pytest.approx(8.0, abs=0.1)
    tag = b"ID3\4\0\0" + bytes([0, 0, 4, 0]) + bytes(512)
    whole.write_bytes(tag + content)
    assert read_audio(whole).duration_s == pytest.approx(8.0, abs=1e-3)


def test_an_ogg_without_a_last_page_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whole.ogg", tones(3.0), RATE, format="OGG", subtype="VORBIS")
    content = (tmp_path / "whole.ogg").read_bytes()
    (tmp_path / "a.ogg").write_bytes(content[: content.rfind(b"OggS")])
    clip = read_audio(tmp_path / "a.ogg")
    assert clip.notices == ()
    assert 1.0 < clip.duration_s < 3.0


def wav_header(data_bytes: int, riff_bytes: int | None = None, channels: int = 2, rate: int = RATE) -> bytes:
    riff = 36 + data_bytes if riff_bytes is None else riff_bytes
    shape = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    size = min(riff, 0xFFFFFFFF)
    return (
        b"RIFF"
        + struct.pack("<I", size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + shape
        + b"data"
        + struct.pack("<I", data_bytes)
    )


def test_a_header_that_claims_four_gigabytes(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_header(4_000_000_000) + b"\1\0" * 20_000)
    assert lost(tmp_path / "a.wav") == "its last 22675.510 s are missing"
    assert read_audio(tmp_path / "a.wav").samples.shape == (2, 10_000)


def test_a_header_written_to_a_pipe_declares_no_length(tmp_path: Path) -> None:
    content = (tones() * 32767).astype("<i2").tobytes()
    for size in (0xFFFFFFFF, 0, 0x7FFFF000, 0x7FFFFFFF - 36):  # ffmpeg; a killed recorder; SoX; others
        (tmp_path / "a.wav").write_bytes(wav_header(size, size) + content)
        clip = read_audio(tmp_path / "a.wav")
        assert (clip.duration_s, clip.notices) == (pytest.approx(0.5), ())


def test_a_flac_header_that_claims_hours_decides_nothing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", tones(), RATE)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] = content[21] & 0xF0 | 0x0F  # the upper bits of the number of samples in STREAMINFO
    (tmp_path / "a.flac").write_bytes(content)
    assert lost(tmp_path / "a.flac").endswith(" s that it declares")
    assert read_audio(tmp_path / "a.flac").duration_s == pytest.approx(0.5)


def test_too_long(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tones(2.0), RATE)
    assert refusal(tmp_path / "a.wav", max_duration_s=1.5) == (
        f"'{tmp_path}/a.wav' is longer than the limit of 1.5 s\n  read a piece of it with --start and --duration"
    )
    assert read_audio(tmp_path / "a.wav", 1.0, 0.5, 1.5).duration_s == pytest.approx(0.5)


def test_too_long_where_nothing_is_declared(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.aac", "aac", tones(3.0, 48_000), 48_000)
    assert "is longer than the limit of 1.5 s" in refusal(path, max_duration_s=1.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start_s": -1.0}, "the start is -1.0 s\n  expected 0 or more"),
        ({"start_s": math.nan}, "the start is nan s\n  expected 0 or more"),
        ({"duration_s": 0.0}, "the duration is 0.0 s\n  expected more than 0"),
        ({"duration_s": math.inf}, "the duration is inf s\n  expected more than 0"),
        ({"max_duration_s": 0.0}, "the longest duration is 0.0 s\n  expected more than 0"),
    ],
)
def test_impossible_pieces(tmp_path: Path, options: dict[str, float], words: str) -> None:
    assert refusal(tmp_path / "a.wav", **options) == words


def test_a_start_beyond_the_end(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tones(1.0), RATE)
    assert refusal(tmp_path / "a.wav", start_s=2.5) == f"the start is 2.5 s, and '{tmp_path}/a.wav' ends before"
    path = encode(tmp_path / "a.aac", "aac", tones(1.0, 48_000), 48_000)
    assert refusal(path, start_s=2.5) == f"the start is 2.5 s, and '{path}' ends before"


@pytest.mark.parametrize(("suffix", "tolerance"), [(".wav", 0.0), (".flac", 2**-23)])
def test_write_and_read(tmp_path: Path, suffix: str, tolerance: float) -> None:
    clip = AudioClip(tones().T, RATE)
    write_audio(tmp_path / f"a{suffix}", clip)
    again = read_audio(tmp_path / f"a{suffix}")
    assert again.sample_rate == RATE
    assert np.abs(again.samples - clip.samples).max() <= tolerance
    first = (tmp_path / f"a{suffix}").read_bytes()
    write_audio(tmp_path / f"b{suffix}", clip)
    assert (tmp_path / f"b{suffix}").read_bytes() == first


def test_what_cannot_be_written(tmp_path: Path) -> None:
    clip = AudioClip(tones().T * 10, RATE)
    with pytest.raises(MediaError, match=r"the suffix must be one of: \.wav, \.flac"):
        write_audio(tmp_path / "a.mp3", clip)
    with pytest.raises(MediaError) as caught:
        write_audio(tmp_path / "a.flac", clip)
    assert str(caught.value) == (
        f"cannot write '{tmp_path}/a.flac': the samples exceed full scale\n  write .wav, which holds them"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("originals")
    noise = np.random.default_rng(0).standard_normal((8_000, 2)) * 0.1
    for name, container, subtype in (("wav", "WAV", "PCM_16"), ("flac", "FLAC", "PCM_16"), ("ogg", "OGG", "VORBIS")):
        soundfile.write(folder / f"a.{name}", noise, RATE, format=container, subtype=subtype)
    soundfile.write(folder / "a.mp3", noise, RATE, format="MP3")
    encode(folder / "b.m4a", "aac", noise, RATE)
    encode(folder / "c.mkv", "flac", noise, RATE, pictures=3)
    encode(folder / "d.aac", "aac", noise, RATE)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def readable_or_refused(path: Path, content: bytes, start_s: float = 0.0) -> None:
    path.write_bytes(content)
    with contextlib.suppress(AudioError):
        clip = read_audio(path, start_s=start_s, max_duration_s=60)
        assert np.isfinite(clip.samples).all()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=400),
    head=st.sampled_from([b"", b"RIFF", b"fLaC", b"OggS", b"\0\0\0\x18ftypmp42", b"\x1aE\xdf\xa3", b"ID3"]),
)
def test_random_bytes_give_a_clip_or_an_audio_error(tmp_path: Path, content: bytes, head: bytes) -> None:
    readable_or_refused(tmp_path / "a", head + content)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_give_a_clip_or_an_audio_error(
    tmp_path: Path, originals: list[bytes], data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from(originals)))
    for _ in range(data.draw(st.integers(0, 8))):
        reach = data.draw(st.sampled_from([120, len(content)]))
        content[data.draw(st.integers(0, min(reach, len(content)) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.one_of(st.just(len(content)), st.integers(1, len(content))))
    readable_or_refused(tmp_path / "a", bytes(content[:end]), data.draw(st.sampled_from([0.0, 0.1])))
