"""The report for a person: short lines, the verdict last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

GOOD, BAD, DIM = "green", "red", "dim"
Line = tuple[str, str, str]
"""What it is about, what there is to say, and the style of that."""


def show(report: dict[str, Any]) -> None:
    """Prints the report on stdout; colored on a terminal, never wrapped, so that lines can be searched."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for title, lines in sections(report).items():
        console.print(title, style="bold")
        for about, what, style in lines or [("", "none", DIM)]:
            console.print(Text(f"  {about}: " if about else "  ").append(what, style=style))
    for line, style in verdict(report):
        console.print(Text(line, style=style))


def sections(report: dict[str, Any]) -> dict[str, list[Line]]:
    """The lines of each section."""
    return {
        "packages": [*_system(report["system"]), *_packages(report["packages"])],
        "device": list(_devices(report["device"])),
        "encoders (an ffmpeg program is not needed)": [_encoder(item) for item in report["encoders"]],
        "presets": [_preset(item) for item in report["presets"]],
        "weights": _weights(report["weights"]),
        "keys (present or not, never shown)": [_present(name, there) for name, there in report["keys"].items()],
        "extensions": [_extension(item) for item in report["extensions"]],
        "disk": [_room(item) for item in report["disk"]],
    }


def _system(system: dict[str, Any]) -> Iterator[Line]:
    yield "spa2v", system["spa2v"], ""
    if system["python_fits"]:
        yield "python", f"{system['python']} on {system['platform']}", ""
    else:
        yield "python", f"{system['python']} is outside {system['python_wanted']}", BAD


def _packages(items: Sequence[dict[str, Any]]) -> Iterator[Line]:
    """Those within their range in one line, every other one in a separate line."""
    fitting = [f"{item['name']} {item['installed']}" for item in items if item["fits"]]
    yield "within their ranges", ", ".join(fitting), ""
    for item in items:
        extras = f" (for {', '.join(item['extras'])})" if item["extras"] else ""
        if item["installed"] is None:
            yield item["name"], f"not installed{extras}", DIM if extras else BAD
        elif not item["fits"]:
            yield item["name"], f"{item['installed']} is outside the range {item['wanted']}{_tested(item)}", BAD


def _tested(item: dict[str, Any]) -> str:
    return f"; tested with {item['tested']}" if item["tested"] else ""


def _devices(found: dict[str, Any]) -> Iterator[Line]:
    if found["torch"] is None:
        yield "torch", found["problem"].removeprefix("torch is "), DIM
        return
    yield "torch", found["torch"], ""
    yield "default", f"{found['default']}, {found['dtype']}", ""
    for device in found["devices"]:
        memory = "" if device["memory_gib"] is None else f", {device['memory_gib']} GiB"
        works = [dtype["name"] for dtype in device["dtypes"] if dtype["usable"]]
        yield device["name"], f"{device['what']}{memory}; works in {', '.join(works) or 'nothing'}", ""
        for dtype in device["dtypes"]:
            if not dtype["usable"]:
                yield f"{device['name']} in {dtype['name']}", dtype["problem"], BAD


def _encoder(item: dict[str, Any]) -> Line:
    about = f"{item['name']} in {item['suffix']}" if item["name"] != item["suffix"][1:] else item["name"]
    return about, "works" if item["usable"] else item["problem"], GOOD if item["usable"] else BAD


def _preset(item: dict[str, Any]) -> Line:
    asks = " (the model that it asks was not tried)" if item["asks_a_model"] else ""
    if item["runs"]:
        return item["name"], f"can run now{asks}", GOOD
    return item["name"], "needs " + ", ".join(_wants(item)), DIM


def _wants(item: dict[str, Any]) -> Iterator[str]:
    """What a preset needs, a phrase a kind."""
    of_kind = {kind: [need for need in item["needs"] if need["kind"] == kind] for kind in ("weights", "key", "package")}
    if item["missing_gb"]:
        yield f"{'at least ' if item['missing_at_least'] else ''}{item['missing_gb']:.1f} GB of weights"
    elif of_kind["weights"]:
        yield f"weights ({of_kind['weights'][0]['help']})"
    yield from (need["fact"].removesuffix(" is not set") for need in of_kind["key"])
    yield from dict.fromkeys(need["help"].removeprefix("install with: ") for need in of_kind["package"])
    yield from (need["fact"] for need in item["needs"] if need["kind"] not in of_kind)


def _weights(found: dict[str, Any]) -> list[Line]:
    models = ", ".join(found["models"]) or "no models"
    return [
        ("cache of the hub", f"{found['hub_cache']}: {models}", ""),
        ("see", "spa2v weights list --config PRESET", DIM),
    ]


def _present(name: str, there: bool) -> Line:
    return name, "yes" if there else "no", ""


def _extension(item: dict[str, Any]) -> Line:
    about = f"{item['name']} ({item['package']} {item['version']})"
    return (about, "fine", GOOD) if item["problem"] is None else (about, f"left out: {item['problem']}", BAD)


def _room(item: dict[str, Any]) -> Line:
    where = f"{item['free_gb']} GB free at {item['path']}"
    return (
        item["what"],
        where if item["writable"] else f"{where}, which cannot be written",
        "" if item["writable"] else BAD,
    )


def verdict(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Whether the config can run, and what to do where it cannot."""
    what = "+".join(report["config"])
    if report["ready"]:
        yield f"ready: {what} can run on this machine", GOOD
        return
    yield f"not ready: {what} cannot run on this machine yet", BAD
    helps = dict.fromkeys(need["help"] for need in report["todo"])
    for text in helps:
        yield from ((f"  {need['fact']}", "") for need in report["todo"] if need["help"] == text)
        yield f"    {text}", "bold"
