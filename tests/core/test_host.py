"""Registry files and extensions: one registry, origins, and one bad extension that stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spa2v import (
    ComponentLoadError,
    ContractError,
    Entry,
    MissingDependency,
    Pipeline,
    RegistryError,
    UnknownComponent,
)
from spa2v.core.host import Host, RegistryFile, _warn
from spa2v.core.options import bind_options
from spa2v.core.registry import FAMILIES
from spa2v.evaluation.ablation.spec import read_ablation

GOOD = """
import spa2v

class Still:
    def plan(self, audio, cues, run): ...

@spa2v.hookimpl
def spa2v_layout_planners():
    return {"still": spa2v.Entry("good_ext:Still", "Nothing moves."), "stiller": "good_ext:Still"}
"""


def host(*registries: Path) -> tuple[Host, list[str]]:
    warnings: list[str] = []
    return Host(registries, warn=warnings.append), warnings


def toy_host(toy: Path) -> Host:
    return Host([toy.parent / "toy.yaml"])


def names(made: Host, family: str) -> list[str]:
    return [component.name for component in made.registry.components(family)]


def test_the_built_in_catalog_is_sound() -> None:
    made, warnings = host()
    assert warnings == []
    for component in made.registry.components():
        assert component.origin == "built in"
        assert component.entry.summary.endswith(".")
        module = f"spa2v.plugins.{component.family}.{component.name}"
        assert component.entry.target.startswith(f"{module}:"), "the file of a component has its name"
        assert not component.entry.needs or component.entry.install
        made.registry.load(component.family, component.name)


def test_an_extension_adds_entries_with_their_origin(install: Callable[..., str]) -> None:
    install("good_ext", GOOD)
    made, warnings = host()
    assert warnings == []
    found = made.registry.find("layout_planners", "still")
    assert (found.origin, found.entry.summary) == ("extension good_ext 1.0", "Nothing moves.")
    assert made.registry.load("layout_planners", "stiller").__name__ == "Still"
    assert [(item.name, item.version, item.problem) for item in made.extensions] == [("good_ext", "1.0", "")]


def test_extensions_can_be_left_out_or_chosen(install: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    install("good_ext", GOOD)
    for value, there in (("", False), ("other", False), ("other, good_ext", True)):
        monkeypatch.setenv("SPA2V_EXTENSIONS", value)
        assert ("still" in names(host()[0], "layout_planners")) is there


BROKEN = [
    ("raises", "raise RuntimeError('no luck')", "RuntimeError: no luck"),
    ("exits", "import sys; sys.exit(4)", "SystemExit: 4"),
    ("syntax", "def (", "SyntaxError: "),
    ("needs", "import no_such_package_of_ours", "ModuleNotFoundError: No module named 'no_such_package_of_ours'"),
    (
        "unknown_hook",
        "import spa2v\n@spa2v.hookimpl\ndef spa2v_layout_planner(): return {}",
        "PluginValidationError: unknown hook 'spa2v_layout_planner' in plugin",
    ),
    (
        "wrong_argument",
        "import spa2v\n@spa2v.hookimpl\ndef spa2v_run_step(stage, compute): ...",
        "Argument(s) {'stage'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    (
        "defaults",
        "import spa2v\n@spa2v.hookimpl\ndef spa2v_run_step(step, compute=None): ...",
        "the hook 'spa2v_run_step' gives its parameter compute a default\n  leave it out",
    ),
    (
        "no_mapping",
        "import spa2v\n@spa2v.hookimpl\ndef spa2v_layout_planners(): return ['a']",
        "spa2v_layout_planners returns a list\n  from extension no_mapping 1.0\n  expected a mapping",
    ),
    (
        "bad_entry",
        "import spa2v\n@spa2v.hookimpl\ndef spa2v_layout_planners(): return {'a': 3}",
        "'a' of layout_planners is a int\n  from extension bad_entry 1.0\n  expected an Entry",
    ),
    (
        "bad_target",
        "import spa2v\n@spa2v.hookimpl\ndef spa2v_layout_planners(): return {'a': 'nowhere'}",
        "target: 'nowhere'\n  expected 'package.module:Class'",
    ),
    (
        "bad_name",
        "import spa2v\n@spa2v.hookimpl\ndef spa2v_layout_planners(): return {'a.b': 'x:Y'}",
        "'a.b' of layout_planners is not a usable name\n  from extension bad_name 1.0\n  use letters, digits, _ and -",
    ),
    (
        "duplicate",
        "import spa2v\n@spa2v.hookimpl\ndef spa2v_layout_planners(): return {'stereo_rules': 'x:Y', 'new': 'x:Z'}",
        "two components of layout_planners are named 'stereo_rules'\n"
        "  one is spa2v.plugins.layout_planners.stereo_rules:StereoRules from built in\n"
        "  one is x:Y from extension duplicate 1.0\n  rename one of them",
    ),
]


@pytest.mark.parametrize(("name", "source", "problem"), BROKEN, ids=[name for name, _, _ in BROKEN])
def test_one_bad_extension_stops_nothing(install: Callable[..., str], name: str, source: str, problem: str) -> None:
    install("good_ext", GOOD)
    install(name, source)
    made, warnings = host()
    assert len(warnings) == 1
    assert warnings[0].startswith(f"warning: the extension {name} 1.0 is left out: ")
    assert problem in warnings[0]
    assert "start without it: SPA2V_EXTENSIONS= spa2v" in warnings[0]
    assert "still" in names(made, "layout_planners")
    assert "new" not in names(made, "layout_planners")
    assert {item.name: bool(item.problem) for item in made.extensions} == {"good_ext": False, name: True}
    with pytest.raises(UnknownComponent, match=f"the extension {name} 1.0 is left out"):
        made.registry.find("layout_planners", "a_name_it_might_have_had")


def test_a_warning_is_given_once_and_by_one_process(
    install: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("raises", "raise RuntimeError('no luck')")
    for rank, times in (("0", 1), ("1", 0)):
        monkeypatch.setenv("RANK", rank)
        _warn.cache_clear()
        assert [len(Host().extensions) for _ in range(3)] == [1, 1, 1]
        assert capsys.readouterr().err.count("the extension raises 1.0 is left out") == times
    _warn.cache_clear()


def test_a_misspelt_hook_names_the_near_one(install: Callable[..., str]) -> None:
    install("misspelt", "import spa2v\n@spa2v.hookimpl\ndef spa2v_layout_planner(): return {}")
    (warning,) = host()[1]
    assert "\n  did you mean 'spa2v_layout_planners'" in warning


def test_unknown_components_name_near_ones(toy: Path) -> None:
    registry = toy_host(toy).registry
    with pytest.raises(UnknownComponent) as caught:
        registry.find("layout_planners", "midle")
    assert str(caught.value) == (
        "unknown component 'midle' of layout_planners\n  did you mean 'middle'?\n"
        "  see: spa2v components layout_planners"
    )
    with pytest.raises(UnknownComponent) as caught:
        registry.find("layout_planners", "gray")
    assert "  'gray' is one of motion_backbones\n" in str(caught.value)


def test_files_beside_a_registry_load(toy: Path) -> None:
    loaded = toy_host(toy).registry.load("layout_planners", "middle")
    assert loaded.__name__ == "Middle"
    assert toy_host(toy).registry.find("layout_planners", "middle").origin == str(toy.parent / "toy.yaml")


UNLOADABLE = [
    (
        "needy",
        MissingDependency,
        "needs no_such_package_of_ours, which is not installed\n  install with: pip install no",
    ),
    ("missing_class", ComponentLoadError, "the module has no 'Midle'; did you mean 'Middle'?"),
    ("missing_file", ComponentLoadError, "ImportError: no file "),
    ("missing_module", ComponentLoadError, "ModuleNotFoundError: No module named 'no_such_package_of_ours'"),
    ("nothing", ContractError, "has no method plan(audio, cues, run)"),
    ("crooked", ContractError, "has plan(sound, cues, run)\n  expected plan(audio, cues, run)"),
]


@pytest.mark.parametrize(("name", "error", "text"), UNLOADABLE, ids=[name for name, _, _ in UNLOADABLE])
def test_what_cannot_be_loaded_says_why(toy: Path, name: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        toy_host(toy).registry.load("layout_planners", name)
    assert text in str(caught.value)
    assert f"from {toy.parent / 'toy.yaml'}" in str(caught.value)


REGISTRIES = [
    ("{a: [", "cannot read the registry file"),
    ("[a]", "is not a mapping of families"),
    ("layout_planer: {}", "unknown family 'layout_planer'"),
    ("layout_planners: [a]", "layout_planners is not a mapping of names"),
    ("layout_planners: {a: {summary: x}}", "layout_planners.a has no target"),
    ("layout_planners: {a: {target: 'x:Y', sumary: z}}", "layout_planners.a has an unknown key 'sumary'"),
    ("layout_planners: {a: {target: 'x:Y', needs: torch}}", "layout_planners.a.needs: 'torch'"),
    ("layout_planners: {a: {target: x}}", "layout_planners.a.target: 'x'"),
    ("layout_planners: !!python/name:os.system", "cannot read the registry file"),
]


@pytest.mark.parametrize(("text", "fact"), REGISTRIES, ids=[text for text, _ in REGISTRIES])
def test_registry_files_that_are_refused(tmp_path: Path, text: str, fact: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(RegistryError) as caught:
        RegistryFile(path)
    assert fact in str(caught.value)
    assert str(path) in str(caught.value)


def test_two_registry_files_with_one_name(toy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("layout_planners: {middle: 'x:Y'}")
    with pytest.raises(RegistryError) as caught:
        Host([toy.parent / "toy.yaml", other])
    assert str(caught.value) == (
        "two components of layout_planners are named 'middle'\n"
        f"  one is {toy.parent / 'toy.py'}:Middle from {toy.parent / 'toy.yaml'}\n"
        f"  one is x:Y from {other}\n  rename one of them"
    )


def test_options_are_bound_by_signature(toy: Path) -> None:
    loaded = toy_host(toy).registry.load("layout_planners", "middle")
    bind_options(loaded, {"size": 0.3}, "layout_planner (middle)")
    with pytest.raises(Exception, match="unknown option") as caught:
        bind_options(loaded, {"sise": 0.3}, "layout_planner (middle)")
    assert str(caught.value) == (
        "layout_planner (middle): unknown option 'sise'\n  did you mean 'size'?\n"
        "  accepted options: name=thing, size=0.5"
    )

    class Needs:
        def __init__(self, path: str) -> None: ...

    with pytest.raises(Exception, match="the option 'path' is required"):
        bind_options(Needs, {}, "x")


def test_an_entry_checks_its_target() -> None:
    for target in ("", "a", "a:", ":B", "a:b c"):
        with pytest.raises(RegistryError):
            Entry(target)


def test_the_hooks_and_the_families_are_the_same() -> None:
    from spa2v.core import hookspecs, protocols

    specs = {name for name in vars(hookspecs) if name.startswith("spa2v_")}
    others = {"spa2v_run_step", "spa2v_configs", "spa2v_layout_formats"}
    assert specs == {f"spa2v_{family}" for family in FAMILIES} | others
    assert tuple(protocols.FAMILIES) == FAMILIES


CONFIGS = """
from pathlib import Path
import spa2v

@spa2v.hookimpl
def spa2v_configs():
    return Path(__file__).with_name("configs")
"""


def folder_of_configs(package: Path, **files: str) -> None:
    for name, text in files.items():
        path = package / "configs" / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_an_extension_brings_presets_and_ablations(
    install: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cli.test_cli import run

    install("good_configs", CONFIGS)
    rows = "rows: [{name: one, config: calm}]"
    folder_of_configs(
        tmp_path / "site_good_configs", calm="include: storyboard\nrun: {seed: 7}", ablations__calmness=rows
    )
    made, warnings = host()
    assert warnings == []
    (calm,) = [file for file in made.configs.files("preset") if file.name == "calm"]
    assert calm.origin == "extension good_configs 1.0"
    assert Pipeline.from_preset("calm").config.run.seed == 7
    assert Pipeline.from_preset("calm").config.motion_backbone.name == "storyboard"
    assert [row.name for row in read_ablation("calmness", tmp_path).rows] == ["one"]
    code, out, _ = run(capsys, monkeypatch, "components", "presets")
    assert (code, "calm" in out, "extension good_configs 1.0" in " ".join(out.split())) == (0, True, True)


@pytest.mark.parametrize(("name", "kind"), [("storyboard", "preset"), ("ablations__prompting", "ablation")])
def test_a_preset_or_ablation_whose_name_is_taken_leaves_its_extension_out(
    install: Callable[..., str], tmp_path: Path, name: str, kind: str
) -> None:
    planner = "\n@spa2v.hookimpl\ndef spa2v_layout_planners(): return {'still': 'still:Still'}\n"
    install("bad_configs", CONFIGS + planner)
    folder_of_configs(tmp_path / "site_bad_configs", **{name: "run: {seed: 7}", "other": "run: {seed: 8}"})
    made, warnings = host()
    assert f"two {kind}s are named {name.rpartition('__')[2]!r}" in warnings[0]
    assert "from extension bad_configs 1.0" in warnings[0]
    assert "other" not in made.configs.names()
    assert not [item for item in made.registry.components() if item.name == "still"], "all of it is left out"


def test_a_hook_that_gives_no_folder_is_refused(install: Callable[..., str]) -> None:
    install("no_folder", CONFIGS)
    _, warnings = host()
    assert "spa2v_configs returns" in warnings[0]
    assert "expected a folder" in warnings[0]
