"""torchvision where only its networks work.

The torchvision of most package indexes is compiled against torch with CUDA. Next to a torch without
CUDA its compiled part cannot be loaded, and importing it then fails at operators that are not
declared. The scores use none of these operators.
"""

from __future__ import annotations

from torch.library import Library

# Kept, since operators are removed together with their library.
_library: list[Library] = []
# Operators that torchvision registers whether or not its compiled part was loaded.
OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def import_torchvision() -> None:
    """Import torchvision, and declare its operators where its compiled part cannot be loaded."""
    try:
        import torchvision
    except RuntimeError as error:
        if "operator torchvision::" not in str(error) or _library:
            raise
        _library.append(Library("torchvision", "FRAGMENT"))
        for operator in OPERATORS:
            _library[0].define(operator)
        import torchvision  # noqa: F401 (imported for those that import it next)
