"""Reading a sound file into an `AudioClip`, and writing one."""

from __future__ import annotations

import io
import math
import os
import stat
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import AudioError, MediaError
from spa2v.core.media import ambisonics, downmix
from spa2v.core.media.decoding import SoundStream, open_sound
from spa2v.core.media.files import atomic_path, check_output
from spa2v.core.types import AudioClip
from spa2v.core.types.audio import MAX_RATE_HZ, MIN_RATE_HZ

MAX_DURATION_S = 600.0
SUFFIXES = (".wav", ".flac")


def read_audio(
    path: str | Path,
    start_s: float = 0.0,
    duration_s: float | None = None,
    max_duration_s: float = MAX_DURATION_S,
    strict: bool = False,
) -> AudioClip:
    """Reads a sound, or the audio track of a video, as FFmpeg plays it.

    Rates from 8 to 192 kHz, integer and float. Mono and stereo stay as they are; more channels are mixed down to stereo
    after ITU-R BS.775 (`spa2v.core.media.downmix`), Ambisonics for two virtual microphones
    (`spa2v.core.media.ambisonics`); a mix is scaled down as a whole only where it exceeds full scale. Time stamps
    decide where samples belong (`spa2v.core.media.placement`). What does not decode is left out, with a notice.

    Args:
        path: the file; its content decides the format.
        start_s: where to begin, in seconds from the start of the file.
        duration_s: how much to read, in seconds; None for all. Less is read where the sound ends before.
        max_duration_s: the longest piece that is accepted, in seconds of decoded sound.
        strict: whether damage is an error.

    Returns:
        The clip, with the file's name as its source, what was done to it in `notes`, and what the user should know,
        such as lost sound, in `notices`.

    Raises:
        AudioError: the file is missing, a folder, unreadable, empty, without sound that can be decoded, too long, or
            holds NaN or Inf; the piece that was asked for does not exist; or, with `strict`, something is damaged.
    """
    path = Path(path)
    _check_piece(start_s, duration_s, max_duration_s)
    _check_file(path)
    try:
        with open_sound(path) as stream:
            return _read(stream, path, start_s, duration_s, max_duration_s, strict)
    except OSError as error:
        raise AudioError(f"cannot read {str(path)!r}: {error.strerror or error}") from error


def _check_piece(start_s: float, duration_s: float | None, max_duration_s: float) -> None:
    if not (math.isfinite(start_s) and start_s >= 0):
        raise AudioError(f"the start is {start_s!r} s", "expected 0 or more")
    if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
        raise AudioError(f"the duration is {duration_s!r} s", "expected more than 0")
    if not (math.isfinite(max_duration_s) and max_duration_s > 0):
        raise AudioError(f"the longest duration is {max_duration_s!r} s", "expected more than 0")


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise AudioError(f"{str(path)!r} is a link to {os.readlink(path)!r}, which does not exist") from None
        raise AudioError(f"there is no file {str(path)!r}", *_near_files(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise AudioError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(status.st_mode):
        raise AudioError(f"{str(path)!r} is a folder", "give one sound file; `spa2v batch` takes many")
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(f"{str(path)!r} is not a regular file", "pipes and devices cannot be read")
    if status.st_size == 0:
        raise AudioError(f"{str(path)!r} is empty", "the file has 0 bytes")


def _near_files(path: Path) -> list[str]:
    try:
        names = [item.name for item in path.parent.iterdir()]
    except OSError:
        return [f"the folder {str(path.parent)!r} is not there either"]
    near = get_close_matches(path.name, names, n=3, cutoff=0.7)
    return [f"did you mean {' or '.join(repr(str(path.with_name(name))) for name in near)}?"] if near else []


def _read(
    stream: SoundStream, path: Path, start_s: float, duration_s: float | None, max_duration_s: float, strict: bool
) -> AudioClip:
    name = str(path)
    if not MIN_RATE_HZ <= stream.rate <= MAX_RATE_HZ:
        raise AudioError(
            f"{name!r}: the sample rate is {stream.rate} Hz", f"{MIN_RATE_HZ} to {MAX_RATE_HZ} Hz are supported"
        )
    first = round(min(start_s, 1e9) * stream.rate)
    wanted = None if duration_s is None else max(1, round(min(duration_s, 1e9) * stream.rate))
    limit = int(max_duration_s * stream.rate)
    if wanted is not None and wanted > limit:
        raise _too_long(name, max_duration_s)
    mix, notes = _mix(stream, path)
    samples = _collect(stream, name, first, wanted, limit, mix)
    lost = stream.damage.sentence()
    if lost and strict:
        raise AudioError(f"{name!r} is damaged: {lost}", "without --strict-media (audio.strict), what decodes is used")
    if wanted is not None and len(samples) < wanted:
        notes += (f"{duration_s:g} s were asked for; the sound ends after {len(samples) / stream.rate:.3f} s.",)
    samples, scaled = _fit(samples) if mix is not None else (samples, ())
    damage = (f"{name!r} is damaged: {lost}; the rest is used.",) if lost else ()
    return AudioClip(samples.T, stream.rate, path.name, stream.notes + notes + scaled, stream.notices + damage)


def _too_long(name: str, limit_s: float) -> AudioError:
    return AudioError(
        f"{name!r} is longer than the limit of {limit_s:g} s", "read a piece of it with --start and --duration"
    )


def _mix(stream: SoundStream, path: Path) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
    """The gains to stereo for more than two channels, and the sentence about it."""
    channels = len(stream.names)
    if channels <= 2:
        return None, ()
    spherical = ambisonics.recognize(path, stream.names, stream.metadata, stream.riff.b_format)
    if spherical is not None:
        return spherical.matrix(channels), (spherical.describe(),)
    order = downmix.channel_order(channels, stream.names)
    if order is None:
        raise AudioError(
            f"{str(path)!r} has {channels} channels in an order that is not known",
            "mono, stereo, loudspeaker layouts up to 7.1 and Ambisonics that the file declares can be read",
        )
    return downmix.matrix(order), (downmix.describe(order),)


def _collect(
    stream: SoundStream, name: str, first: int, wanted: int | None, limit: int, mix: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Decodes block by block, so that no claim of a header decides how much memory is taken; shape (n, 1 or 2)."""
    parts: list[NDArray[np.float32]] = []
    got = 0
    for block in stream.blocks(first):
        part = block[: wanted - got] if wanted is not None else block
        parts.append(part if mix is None else _mixed(part, mix))
        got += len(part)
        if got > limit:
            raise _too_long(name, limit / stream.rate)
        if got == wanted:
            break
    if got == 0 and first > 0:
        raise AudioError(f"the start is {first / stream.rate:g} s, and {name!r} ends before")
    if got == 0:
        raise AudioError(f"{name!r}: the sound is empty")
    return np.concatenate(parts)


def _mixed(part: NDArray[np.float32], mix: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(invalid="ignore"):  # Inf times 0; `AudioClip` refuses what comes of it
        return part @ mix


def _fit(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Scales a downmix that exceeds full scale, both channels alike; NaN and Inf are left for `AudioClip` to refuse."""
    peak = float(np.max(np.abs(samples)))
    if not math.isfinite(peak) or peak <= 1.0:
        return samples, ()
    return samples / np.float32(peak), (f"The mix was scaled by {-20 * math.log10(peak):.1f} dB to stay in range.",)


def write_audio(path: str | Path, clip: AudioClip) -> None:
    """Writes a clip: .wav as 32-bit float (exact), .flac as 24-bit integers.

    Raises:
        MediaError: another suffix, a clip over full scale as .flac, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    check_output(path, SUFFIXES)
    if suffix == ".flac" and float(np.abs(clip.samples).max()) > 1.0:
        raise MediaError(f"cannot write {str(path)!r}: the samples exceed full scale", "write .wav, which holds them")
    with atomic_path(path) as temporary:
        if suffix == ".wav":
            from scipy.io import wavfile  # soundfile stamps float WAV with the time; the bytes would differ each run

            wavfile.write(temporary, clip.sample_rate, clip.samples.T)
        else:
            _write_flac(temporary, clip)


def _write_flac(path: Path, clip: AudioClip) -> None:
    import soundfile

    whole = io.BytesIO()  # libsndfile calls a full disk a "system error"
    soundfile.write(whole, clip.samples.T, clip.sample_rate, format="FLAC", subtype="PCM_24")
    path.write_bytes(whole.getbuffer())
