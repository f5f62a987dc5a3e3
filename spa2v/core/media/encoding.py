"""H.264 and AAC in an mp4 file, through PyAV.

Frame times are exact: the time base is the inverse of the frame rate as a fraction. The sound track is cut or padded
with silence to the duration of the frames. AAC's intensity stereo and noise substitution are off, because both throw
away the differences between left and right.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MediaError
from spa2v.core.media.outputs import MARK
from spa2v.core.types import AudioClip, GeneratedVideo

MIN_FPS, MAX_FPS = 0.001, 1000.0
AAC_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000)
AAC_BITS_PER_CHANNEL = 96_000
X264_OPTIONS = {"crf": "16", "preset": "medium", "bf": "0"}  # without B-frames no frame waits for a later one
AAC_OPTIONS = {"aac_is": "0", "aac_pns": "0"}
_BT709, _LIMITED = 1, 1
_AUDIO_BLOCK_S = 1.0


def write_mp4(path: Path, video: GeneratedVideo, audio: AudioClip | None) -> None:
    """Encodes to `path`, without any of the care of `write_video`."""
    import av

    rate = Fraction(video.fps).limit_denominator(1_000_000)
    samples = None if audio is None else fit_audio(audio, video.duration_s)
    # The default movie time scale is 1 ms, which would round the length of the sound.
    options = {"movflags": "+faststart", "movie_timescale": str(90_000 if samples is None else samples[1])}
    try:
        with av.open(f"file:{path}", "w", format="mp4", options=options) as container:
            container.metadata["comment"] = MARK
            picture = _picture_track(container, rate, *video.frames.shape[1:3])
            sound = None if samples is None else _sound_track(container, *samples)
            for index, frame in enumerate(video.frames):
                container.mux(picture.encode(_picture(frame, index, rate)))
                if sound is not None:
                    sound.until(float((index + 1) / rate))
            container.mux(picture.encode(None))
            if sound is not None:
                sound.finish()
    except av.FFmpegError as error:
        raise MediaError(f"cannot encode the video: {error.strerror or error}") from error


def fit_audio(audio: AudioClip, duration_s: float) -> tuple[NDArray[np.float32], int]:
    """The samples at a rate that AAC takes, (channels, n) with n = duration * rate, and that rate in Hz.

    A sound that exceeds full scale is scaled down as a whole, so that players do not clip it.
    """
    rate = aac_rate(audio.sample_rate)
    samples = audio.samples[:, : int(np.ceil(duration_s * audio.sample_rate))]
    if rate != audio.sample_rate:
        from scipy.signal import resample_poly

        ratio = Fraction(rate, audio.sample_rate)
        samples = resample_poly(samples, ratio.numerator, ratio.denominator, axis=1).astype(np.float32)
    count = max(1, round(duration_s * rate))
    samples = np.pad(samples[:, :count], ((0, 0), (0, max(0, count - samples.shape[1]))))
    return samples / max(1.0, float(np.abs(samples).max())), rate


def aac_rate(rate: int) -> int:
    """The lowest rate of AAC that keeps the whole band, 96 kHz at most."""
    return next((known for known in AAC_RATES_HZ if known >= rate), AAC_RATES_HZ[-1])


def _picture_track(container: Any, rate: Fraction, height: int, width: int) -> Any:
    track = container.add_stream("libx264", rate=rate, options=X264_OPTIONS)
    track.width, track.height = width + width % 2, height + height % 2
    track.pix_fmt = "yuv420p"
    context = track.codec_context
    context.time_base = 1 / rate
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return track


def _picture(frame: NDArray[np.uint8], index: int, rate: Fraction) -> Any:
    """A frame in BT.709 4:2:0; an odd side grows by one line, since 4:2:0 has only even ones."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    height, width = frame.shape[:2]
    even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else frame
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
    picture = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    picture.pts, picture.time_base = index, 1 / rate
    return picture


class _SoundTrack:
    """Feeds the sound to the encoder in step with the pictures, so that both lie close together in the file."""

    def __init__(self, container: Any, track: Any, samples: NDArray[np.float32], rate: int) -> None:
        self._container, self._track, self._samples, self._rate = container, track, samples, rate
        self._next = 0

    def until(self, time_s: float) -> None:
        import av

        end = min(round(time_s * self._rate), self._samples.shape[1])
        while self._next < end:
            stop = min(end, self._next + int(_AUDIO_BLOCK_S * self._rate))
            block = np.ascontiguousarray(self._samples[:, self._next : stop])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo" if len(block) == 2 else "mono")
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._next, Fraction(1, self._rate)
            self._container.mux(self._track.encode(frame))
            self._next = stop

    def finish(self) -> None:
        self.until(self._samples.shape[1] / self._rate)
        self._container.mux(self._track.encode(None))


def _sound_track(container: Any, samples: NDArray[np.float32], rate: int) -> _SoundTrack:
    layout = "stereo" if len(samples) == 2 else "mono"
    track = container.add_stream("aac", rate=rate, layout=layout, options=AAC_OPTIONS)
    track.bit_rate = len(samples) * min(AAC_BITS_PER_CHANNEL, 4 * rate)
    return _SoundTrack(container, track, samples, rate)
