"""What the planners that ask a multimodal language model share: conversation, examples, services' limits, answers.

A planner for another model, built in or from an extension, is an `MllmPlanner` with a `Service`. These names are for
both; every name loads on first use, and the modules beneath may change.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm, answer_schema
    from spa2v.plugins.layout_planners.mllm.conversation import Conversation, Turn
    from spa2v.plugins.layout_planners.mllm.planner import MllmPlanner
    from spa2v.plugins.layout_planners.mllm.service import EmptyAnswer, Reply, Service, TransientFault, Usage
    from spa2v.plugins.layout_planners.mllm.sound import SoundPart

_HOMES = {
    "answer.schema": ["AnswerForm", "answer_schema"],
    "conversation": ["Conversation", "Turn"],
    "planner": ["MllmPlanner"],
    "service": ["EmptyAnswer", "Reply", "Service", "TransientFault", "Usage"],
    "sound": ["SoundPart"],
}
_HOME_OF = {name: f"{__name__}.{module}" for module, names in _HOMES.items() for name in names}

__all__ = [
    "AnswerForm",
    "Conversation",
    "EmptyAnswer",
    "MllmPlanner",
    "Reply",
    "Service",
    "SoundPart",
    "TransientFault",
    "Turn",
    "Usage",
    "answer_schema",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
