"""`python -m spa2v_dcase DATA -o OUT`: makes a benchmark of a DCASE Task 3 or STARSS data set."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from spa2v import Run, Spa2vError

from spa2v_dcase.clips import Recipe
from spa2v_dcase.convert import REJECTED, convert


def main(words: Sequence[str] | None = None) -> int:
    """Exit code 0 when there are clips, else 1."""
    parser = argparse.ArgumentParser(prog="spa2v-dcase", description="Make a benchmark of DCASE Task 3 or STARSS data.")
    parser.add_argument("data", type=Path, help="folder with metadata_dev, stereo_dev (or foa_dev) and video_dev")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the benchmark")
    parser.add_argument("--length", type=float, default=5.0, help="seconds; longer recordings are cut (5)")
    parser.add_argument("--view", type=float, default=0.0, help="degrees to the right, in 360 degree recordings (0)")
    parser.add_argument("--field-of-view", type=float, default=100.0, help="horizontal, in degrees (100)")
    parser.add_argument("--silent-absent", action="store_true", help="things leave the picture while they are silent")
    parser.add_argument("--no-video", action="store_true", help="leave the pictures out")
    given = parser.parse_args(words)
    try:
        recipe = Recipe(given.length, given.view, given.field_of_view, not given.silent_absent, not given.no_video)
        clips, left_out = convert(given.data, given.out, recipe, Run(quiet=False))
    except Spa2vError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    for kind, count in sorted(left_out.items()):
        print(f"left out: {count} x {kind}; see {given.out / REJECTED}", file=sys.stderr)
    print(f"{clips} clips in {given.out}", file=sys.stderr)
    return 0 if clips else 1


if __name__ == "__main__":
    sys.exit(main())
