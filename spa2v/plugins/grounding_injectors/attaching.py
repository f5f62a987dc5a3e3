"""What injectors of denoising backbones share: checking the backbone, reading layouts, the record of what was taken."""

from __future__ import annotations

from dataclasses import dataclass

from spa2v.core.errors import ContractError
from spa2v.core.protocols import AttentionSite, DenoisingBackbone
from spa2v.core.runtime import Run


@dataclass(frozen=True)
class Attachment:
    """What an injector holds while it is attached: its name and the layers it took."""

    injector: str
    sites: tuple[AttentionSite, ...]
    dropped: int = 0

    def report(self, run: Run) -> None:
        """Writes the facts into the manifest, and says when things found no place."""
        names = [site.name for site in self.sites]
        run.record["grounding"] = {"injector": self.injector, "sites": names, "dropped_objects": self.dropped}
        if self.dropped:
            run.notice(f"{self.injector}: a frame has {self.dropped} objects too many; the last ones are not grounded.")


def denoising(backbone: object, injector: str) -> DenoisingBackbone:
    """The backbone, if it draws by denoising.

    Raises:
        ContractError: it does not, so there is nothing to attach to.
    """
    if isinstance(backbone, DenoisingBackbone):
        return backbone
    raise ContractError(
        f"the injector {injector!r} cannot attach to {type(backbone).__name__!r}",
        "it needs a backbone that draws by denoising (see `DenoisingBackbone`), such as 'animatediff'",
        "or set grounding_injector to 'ungrounded'",
    )
