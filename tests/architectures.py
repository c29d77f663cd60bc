"""Small networks of well-known architectures."""

import torch
from torch import nn
from torch.nn import functional as F


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 3, 5, padding=2), nn.Conv2d(3, 4, 5)
        self.f1, self.f2 = nn.Linear(4 * 2 * 2, 7), nn.Linear(7, 5)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.c1(x)), 2)
        x = F.max_pool2d(torch.relu(self.c2(x)), 2)
        return self.f2(torch.tanh(self.f1(x.flatten(1))))


class Block(nn.Module):
    """A residual block, whose skip is projected where channels change."""

    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(n_out), nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.skip = nn.Identity()
        if stride > 1:
            self.skip = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += self.skip(x)
        return self.relu(y)


def resnet_18():
    """A stem, four stages of two blocks and a head, in a line."""
    widths, n_blocks = (4, 8, 12, 16), 2
    stem = nn.Sequential(nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU())
    stages = [
        Block(n_in, n_out, 2 if n_in != n_out else 1)
        for n_before, n_out in zip((4, *widths), widths, strict=False)
        for n_in in (n_before, *[n_out] * (n_blocks - 1))
    ]
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5))
    return nn.Sequential(stem, nn.MaxPool2d(3, 2, 1), *stages, head)


def vgg():
    """Three convolutions with batch norm, and two linear layers."""
    features = [
        part
        for n_in, n_out in ((3, 4), (4, 6), (6, 6))
        for part in (
            nn.Conv2d(n_in, n_out, 3, padding=1),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
    ]
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(24, 8), nn.Dropout(), nn.Linear(8, 3))


class InvertedResidual(nn.Module):
    """A block of MobileNet."""

    def __init__(self, n, expansion):
        super().__init__()
        wide = n * expansion
        self.expand, self.project = nn.Conv2d(n, wide, 1), nn.Conv2d(wide, n, 1)
        self.depthwise = nn.Conv2d(wide, wide, 3, padding=1, groups=wide)
        self.norm = nn.BatchNorm2d(wide)

    def forward(self, x):
        inner = F.relu6(self.norm(self.depthwise(F.relu6(self.expand(x)))))
        return x + self.project(inner)


class UNet(nn.Module):
    """One level, whose skip is concatenated."""

    def __init__(self):
        super().__init__()
        self.outer, self.inner = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 4, 3, padding=1)
        self.up, self.merge = nn.ConvTranspose2d(4, 3, 2, 2), nn.Conv2d(5, 2, 3, padding=1)

    def forward(self, x):
        kept = torch.relu(self.outer(x))
        deep = torch.relu(self.inner(F.avg_pool2d(kept, 2)))
        return self.merge(torch.cat([kept, self.up(deep)], 1))


class SqueezeAndExcite(nn.Module):
    """A gate for each channel, made of the means of all."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.squeeze, self.excite = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        x = self.conv(x)
        gate = self.excite(torch.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1))))
        return self.out((x * torch.sigmoid(gate)).mean((2, 3)))
