"""Annotation files of both forms, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from recordings import HEADER
from spa2v import ConfigError

from spa2v_dcase.annotations import MAX_BYTES, Event, events_text, read_events


def read(folder: Path, text: str) -> tuple[Event, ...]:
    (folder / "a.csv").write_text(text)
    return read_events(folder / "a.csv")


def test_the_stereo_data(tmp_path: Path) -> None:
    first, second = read(tmp_path, f"{HEADER}\n7,1,2,75,129,0\n0,0,1,-9,155,1\n")
    assert first == Event(0, 0, 1, 9.0, None, 1.55, True), "sorted by frame; the right is positive here"
    assert second == Event(7, 1, 2, -75.0, None, 1.29, False)


def test_starss(tmp_path: Path) -> None:
    assert read(tmp_path, "10,8,0,-170,12,210\n") == (Event(10, 8, 0, 170.0, 12.0, 2.1, None),)
    assert read(tmp_path, "10,8,0,170,-12\n") == (Event(10, 8, 0, -170.0, -12.0, None, None),)


def test_a_recording_without_events(tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEADER}\n") == read(tmp_path, "") == ()


@pytest.mark.parametrize(
    "text", [f"{HEADER}\n0,0,1,-9,155,1\n3,4,0,75,129,0\n", "1,8,0,-170,12,210\n", "1,8,0,7,-12\n"]
)
def test_what_is_written_reads_the_same(tmp_path: Path, text: str) -> None:
    events = read(tmp_path, text)
    assert events_text(events) == text
    assert read(tmp_path, events_text(events)) == events


@pytest.mark.parametrize(("azimuth", "heard"), [(30.0, 30.0), (150.0, 30.0), (-100.0, -80.0), (180.0, 0.0)])
def test_what_is_behind_is_heard_as_in_front(azimuth: float, heard: float) -> None:
    assert Event(0, 0, 0, azimuth).heard_deg == pytest.approx(heard, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "frame,class,azimuth\n0,1,2\n",
            "the annotation 'a.csv' has the columns frame, class, azimuth\n  expected frame,",
        ),
        (f"{HEADER}\n0,0,1,-9,155\n", "a.csv line 2: 5 columns\n  expected frame,"),
        ("0,0,1,5\n", "a.csv line 1: 4 columns"),
        ("0,0,1,5,0\n\n0,13,1,5,0\n", "a.csv line 3: class is '13'\n  expected 0 to 12"),
        (f"{HEADER}\n0,0,1,181,155,1\n", "a.csv line 2: azimuth is '181'\n  expected -180 to 180"),
        (f"{HEADER}\n0,0,1,nan,155,1\n", "azimuth is 'nan'"),
        (f"{HEADER}\n0,0,1,left,155,1\n", "azimuth is 'left'"),
        (f"{HEADER}\n0,0,1,5,0,1\n", "distance is '0'\n  expected 1 to 100000"),
        (f"{HEADER}\n0,0,1,5,155,2\n", "onscreen is '2'\n  expected 0 to 1"),
        (f"{HEADER}\n0.5,0,1,5,155,1\n", "frame is '0.5'"),
        (f"{HEADER}\n99999999,0,1,5,155,1\n", "frame is '99999999'\n  expected 0 to 36000"),
        ("7,8,0,0,0\n" * 33, "a.csv: 33 events in frame 7\n  expected at most 32"),
        (f"{HEADER}\n0,0,1,{'9' * 5000},155,1\n", f"azimuth is '{'9' * 40}'"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert says in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "c.csv").write_bytes(b"0" * (MAX_BYTES + 1))
    for name, says in (("b.csv", "cannot read"), ("c.csv", "is larger than 16 MiB"), ("d.csv", "cannot read")):
        with pytest.raises(ConfigError, match=says):
            read_events(tmp_path / name)
