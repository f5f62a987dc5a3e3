"""Known vulnerabilities of the pinned versions, as far as an index tells those of the newest releases.

    python -m tools.audit_newest constraints.txt

pip-audit (`make audit`) asks PyPI about every pinned version. Many mirrors answer for the newest release of a package
alone; this asks them what they know. A pin that is the newest release is cleared or named with its advisories; an older
one is listed as not audited. Ends with 1 where a pin has an advisory, and with 2 where the index answers for nothing,
or names no advisory of a release that has some: an index without advisories must not pass for a clean one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

URL = "https://pypi.org/pypi/{}/json"
CONTROL = ("pycrypto", "2.6.1")  # abandoned, with advisories since 2017
MAX_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Newest:
    """What the index says of a package."""

    version: str
    advisories: tuple[str, ...]


def ask(name: str) -> Newest | None:
    """None where the index does not answer."""
    try:
        with urlopen(URL.format(name), timeout=30) as answer:
            data = json.loads(answer.read(MAX_BYTES))
        found = (item for item in data["vulnerabilities"] if not item.get("withdrawn"))
        return Newest(str(data["info"]["version"]), tuple(str(item["id"]) for item in found))
    except (URLError, OSError, ValueError, KeyError, TypeError):
        return None


def pins(lines: Iterable[str]) -> dict[str, str]:
    """Name to version of the lines NAME==VERSION."""
    parts = (line.split("#")[0].split(";")[0].strip().partition("==") for line in lines)
    return {name: version for name, equals, version in parts if equals}


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__))
    pinned = pins(path.read_text(encoding="utf-8").splitlines())
    control = ask(CONTROL[0])
    if control is None or control.version != CONTROL[1] or not control.advisories:
        print(f"NOT AUDITED: the index names no advisory of {CONTROL[0]} {CONTROL[1]}, which has some", file=sys.stderr)
        sys.exit(2)
    with ThreadPoolExecutor(8) as threads:
        answers = dict(zip(pinned, threads.map(ask, pinned), strict=True))
    told = {name: found for name, found in answers.items() if found and found.version == pinned[name]}
    bad = {name: found.advisories for name, found in told.items() if found.advisories}
    for name, advisories in bad.items():
        print(f"{name} {pinned[name]}: {', '.join(advisories)}")
    open_ = [f"{name} {version}" for name, version in pinned.items() if name not in told]
    print(f"{len(told)} of {len(pinned)} pinned versions are the newest ones, {len(bad)} of these with advisories")
    if open_:
        print(f"not audited, {len(open_)}: {', '.join(open_)}")
    sys.exit(1 if bad else 0 if told else 2)


if __name__ == "__main__":
    main()
