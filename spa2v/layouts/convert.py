"""Reading and writing layouts in any format that is known."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from spa2v.core.errors import ComponentLoadError, LayoutError, RegistryError, UnknownComponent, near
from spa2v.core.host import Host
from spa2v.core.types import VideoSceneLayout
from spa2v.layouts.formats import LayoutFormat, losses
from spa2v.layouts.raster import Sampling, raster_for

BUILT_IN: Mapping[str, str] = {
    "spa2v": "spa2v.layouts.native:LAYOUT",
    "cvat": "spa2v.layouts.cvat:CVAT",
    "mot": "spa2v.layouts.mot:MOT",
    "coco": "spa2v.layouts.coco:COCO",
    "lvd": "spa2v.layouts.lvd:LVD",
    "masks": "spa2v.layouts.pictures:MASKS_PNG",
    "masks-video": "spa2v.layouts.pictures:MASKS_VIDEO",
    "vace": "spa2v.layouts.pictures:VACE",
    "points": "spa2v.layouts.points:POINTS",
    "comfyui": "spa2v.layouts.comfyui:COMFYUI",
}


def format_targets() -> dict[str, tuple[str, str]]:
    """Every format, in the order in which files are tried: name to its target and origin.

    Raises:
        RegistryError: a format of an extension has the name of a built-in one.
    """
    added = Host().layout_formats
    for name in added.keys() & BUILT_IN.keys():
        raise RegistryError(f"the layout format {name!r} of {added[name][1]} has the name of a built-in one")
    return {**{name: (target, "built in") for name, target in BUILT_IN.items()}, **added}


def format_names() -> tuple[str, ...]:
    """Every format, built-in ones first."""
    return tuple(format_targets())


def get_format(name: str) -> LayoutFormat:
    """A format by its name: built in, or from the hook `spa2v_layout_formats` of an extension.

    Raises:
        UnknownComponent: no format has this name.
        ComponentLoadError: its target cannot be imported, or is no `LayoutFormat`.
    """
    if name in BUILT_IN:
        return _load(name, BUILT_IN[name])
    known = format_targets()
    if name not in known:
        raise UnknownComponent(f"unknown layout format {name!r}", near(name, known))
    return _load(name, known[name][0])


def _load(name: str, target: str) -> LayoutFormat:
    module, _, attribute = target.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ComponentLoadError(f"cannot load the layout format {name!r}: {error}") from error
    if not isinstance(found, LayoutFormat):
        raise ComponentLoadError(f"{name!r} is a {type(found).__name__}", "expected a spa2v.layouts.LayoutFormat")
    return found


def _formats() -> dict[str, LayoutFormat]:
    return {name: _load(name, target) for name, (target, _) in format_targets().items()}


def read_any(path: Path, name: str | None = None, wanted: Sampling | None = None) -> tuple[VideoSceneLayout, list[str]]:
    """A layout from a file of any format that can be read, and remarks on what was left out.

    Args:
        path: a file or folder.
        name: of the format; None goes by the suffix and the content.
        wanted: what the file may not hold: size, rate, duration.

    Raises:
        LayoutError: no format fits, or the file is invalid; names the place.
    """
    form = get_format(name or _name_of(path))
    if form.read is None:
        raise LayoutError(
            f"{name!r} files cannot be read back",
            "formats that can: " + ", ".join(sorted(_readable())),
        )
    layout, remarks = form.read(path, wanted or Sampling())
    return layout, list(remarks)


def write_any(
    layout: VideoSceneLayout, path: Path, name: str | None = None, wanted: Sampling | None = None
) -> list[str]:
    """Writes a layout; returns what the format could not hold, each as a phrase.

    Raises:
        LayoutError: no format fits the suffix.
        MediaError: the file cannot be written.
    """
    name = name or _name_by_suffix(path)
    form = get_format(name)
    if path.suffix.lower() not in form.suffixes and "" not in form.suffixes:
        raise LayoutError(
            f"cannot write {str(path)!r} as {name}", f"the suffix must be one of: {', '.join(form.suffixes)}"
        )
    raster = raster_for(layout, (wanted or Sampling()).over(form.defaults), form.to_last)
    remarks = form.write(layout, path, raster)
    return [*losses(layout, form, raster), *remarks]


def _readable() -> dict[str, LayoutFormat]:
    return {name: form for name, form in _formats().items() if form.read is not None}


def _name_of(path: Path) -> str:
    """The format of a file that is there, by suffix and content."""
    if not path.exists():
        raise LayoutError(f"there is no file {str(path)!r}")
    suffix = "" if path.is_dir() else path.suffix.lower()
    readable = _readable()
    for name, form in readable.items():
        if suffix in form.suffixes and form.recognizes(path):
            return name
    if suffix == ".json":
        return "spa2v"  # whose reader says what is wrong with it
    raise LayoutError(f"{str(path)!r} is of no format that can be read", "known formats: " + ", ".join(readable))


def _name_by_suffix(path: Path) -> str:
    formats = _formats()
    fitting = [name for name, form in formats.items() if path.suffix.lower() in form.suffixes]
    if path.suffix.lower() == ".json":
        return "spa2v"
    if len(fitting) != 1:
        raise LayoutError(
            f"{str(path)!r} could be of several formats" if fitting else f"no format has files like {str(path)!r}",
            "name it: --to " + " or --to ".join(fitting or formats),
        )
    return fitting[0]
