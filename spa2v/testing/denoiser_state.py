"""What an attached injector may change in a network, so that it can be seen whether all of it was put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@dataclass(frozen=True)
class Snapshot:
    """A network at one time: by module name, its type; by tensor name, a copy of its values."""

    modules: Mapping[str, object]
    processors: Mapping[str, object]
    hooks: Mapping[str, int]
    patches: Mapping[str, object]
    training: Mapping[str, bool]
    tensors: Mapping[str, Any]

    def changes(self, before: Snapshot) -> str:
        """What is different from an earlier time, in words; empty when nothing is."""
        parts = ("modules", "processors", "hooks", "patches", "training")
        for part in parts:
            now, then = getattr(self, part), getattr(before, part)
            changed = [name for name in {**then, **now} if now.get(name) is not then.get(name)]
            if changed:
                return f"the {part} of {', '.join(changed[:3])} changed" + (" and more" if len(changed) > 3 else "")
        same = self.tensors.keys() == before.tensors.keys()
        changed = [name for name in before.tensors if same and not self.tensors[name].equal(before.tensors[name])]
        return "" if same and not changed else f"the weights changed: {', '.join(changed[:3]) or 'other names'}"


def snapshot(network: Any) -> Snapshot:
    """The network as it is now."""
    modules = dict(network.named_modules())
    return Snapshot(
        modules,
        {name: module.processor for name, module in modules.items() if hasattr(module, "processor")},
        {name: sum(len(getattr(module, hook, None) or ()) for hook in HOOKS) for name, module in modules.items()},
        {name: vars(module)["forward"] for name, module in modules.items() if "forward" in vars(module)},
        {name: module.training for name, module in modules.items()},
        {name: tensor.detach().clone() for name, tensor in network.state_dict().items()},
    )
