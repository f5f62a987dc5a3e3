"""The devices that torch sees, and the dtypes in which the operations of a denoiser really work on them."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

TOLERANCES = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}
"""Largest difference to float32 on the CPU that is rounding; the values themselves are of the order of 1."""
MISSING = "torch is not installed: pip install 'spa2v[diffusion]'"
GIB = 2**30


def found() -> dict[str, Any]:
    """Torch's version, each device with the dtypes that were tried on it, and what `auto` would take."""
    nothing: dict[str, Any] = {"torch": None, "problem": MISSING, "default": None, "dtype": None, "devices": []}
    try:
        import torch
    except ImportError as error:
        absent = getattr(error, "name", None) == "torch"
        return nothing if absent else nothing | {"problem": f"torch cannot be imported: {_line(error)}"}
    except OSError as error:  # a library of torch's own is missing or damaged
        return nothing | {"problem": f"torch cannot be imported: {_line(error)}"}
    devices = [_device("cpu", f"{platform.machine()}, {torch.get_num_threads()} threads", None)]
    if torch.backends.mps.is_available():
        devices.append(_device("mps", "Apple GPU", None))
    devices += [_cuda(index) for index in range(torch.cuda.device_count())]
    default = "cuda" if torch.cuda.is_available() else devices[-1]["name"]
    return {
        "torch": torch.__version__,
        "problem": None,
        "default": default,
        "dtype": "float16" if default == "cuda" else "float32",
        "devices": devices,
    }


def _cuda(index: int) -> dict[str, Any]:
    import torch

    properties = torch.cuda.get_device_properties(index)
    return _device(f"cuda:{index}", properties.name, properties.total_memory / GIB)


def _device(name: str, what: str, memory_gib: float | None) -> dict[str, Any]:
    tries = [{"name": dtype, "problem": trial(name, dtype)} for dtype in TOLERANCES]
    return {
        "name": name,
        "what": what,
        "memory_gib": None if memory_gib is None else round(memory_gib, 1),
        "dtypes": [{"name": item["name"], "usable": item["problem"] is None, **item} for item in tries],
    }


def trial(device: str, dtype: str) -> str | None:
    """What goes wrong when small layers run on a device in a dtype; None where nothing does."""
    import torch

    try:
        got = layers(device, getattr(torch, dtype))
    except (RuntimeError, TypeError) as error:  # not implemented, no kernel for this card, out of memory
        return _line(error)
    difference = float((got - layers("cpu", torch.float32)).abs().max())
    if not difference <= TOLERANCES[dtype]:  # NaN as well
        return f"gives wrong values (off by {difference:.2g} where {TOLERANCES[dtype]:g} would be rounding)"
    return None


def layers(device: str, dtype: torch.dtype) -> Tensor:
    """A convolution, a group norm, an attention, a matrix product and an upsampling, as a denoiser has them.

    Returns:
        (1, 8, 32, 32) in float32 on the CPU.
    """
    import torch
    from torch.nn import functional

    generator = torch.Generator("cpu").manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device=device, dtype=dtype)

    with torch.no_grad():
        picture = functional.conv2d(drawn(1, 4, 16, 16), drawn(8, 4, 3, 3) / 6, padding=1)  # (1, 8, 16, 16)
        picture = functional.silu(functional.group_norm(picture, 4))
        cells = picture.flatten(2).transpose(1, 2)  # (1, 256, 8)
        cells = cells + functional.scaled_dot_product_attention(cells, cells, cells) @ (drawn(8, 8) / 3)
        picture = cells.transpose(1, 2).reshape(1, 8, 16, 16)
        return functional.interpolate(picture, scale_factor=2.0, mode="nearest").float().cpu()


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
