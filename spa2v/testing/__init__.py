"""For authors of components: contract tests and toy inputs. Needs spa2v alone; pytest is welcome, not required.

    from spa2v.testing import check_component

    def test_contract() -> None:
        check_component("layout_planners", "my_planner", size=0.3)

Every name loads on first use, so that the pytest plugin costs nothing where it is not used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spa2v.testing.backbone import packaged_backbone, toy_backbone
    from spa2v.testing.contract import Contract, Report, Rule, check_component
    from spa2v.testing.toys import toy_audio, toy_cues, toy_layout, toy_run, toy_video

_HOME_OF = {
    "packaged_backbone": "spa2v.testing.backbone",
    "toy_backbone": "spa2v.testing.backbone",
    "Contract": "spa2v.testing.contract",
    "Report": "spa2v.testing.contract",
    "Rule": "spa2v.testing.contract",
    "check_component": "spa2v.testing.contract",
    "toy_audio": "spa2v.testing.toys",
    "toy_cues": "spa2v.testing.toys",
    "toy_layout": "spa2v.testing.toys",
    "toy_run": "spa2v.testing.toys",
    "toy_video": "spa2v.testing.toys",
}

__all__ = [
    "Contract",
    "Report",
    "Rule",
    "check_component",
    "packaged_backbone",
    "toy_audio",
    "toy_backbone",
    "toy_cues",
    "toy_layout",
    "toy_run",
    "toy_video",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'spa2v.testing' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
