"""A small task of two separate modules, and the plainest loop that trains a network on it."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from modlib import WalkLoops

BATCH, EPOCHS, RATE = 8, 3, 0.01
X = torch.randn(10 * BATCH, 6, generator=torch.Generator().manual_seed(1))
Y = torch.stack([X[:, :3].prod(-1), X[:, 3:].prod(-1)], -1)


class Examples(Dataset):
    """Each input with its target, by names."""

    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        return {"x": X[index], "labels": Y[index]}


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 2))


def loss_of(model, x, y):
    """The loss of a batch, whose noise depends on the batch alone, and not on who draws besides."""
    torch.manual_seed(int(1e4 * x[0, 0].abs()))
    return F.mse_loss(model(x), y)


def without_noise(net, x):
    """What a network computes, by its weights alone."""
    for layer in (net[0], net[2]):
        x = (x @ layer.weight.T + layer.bias).relu()
    return x @ net[4].weight.T + net[4].bias


def trained_plainly(accumulated=1):
    """The network that a loop written out trains, and its walk loops."""
    model, steps = net(), EPOCHS * len(X) // BATCH // accumulated
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    loops = WalkLoops(model, X[:2], steps=steps)
    batches = list(zip(X.split(BATCH), Y.split(BATCH), strict=True)) * EPOCHS
    for step in range(steps):
        optimiser.zero_grad()
        for x, y in batches[step * accumulated : (step + 1) * accumulated]:
            (loss_of(model, x, y) / accumulated).backward()
        optimiser.step()
        loops.step()
    return model, loops
