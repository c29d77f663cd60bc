"""Small networks of other architectures than perceptrons, as plain modules of PyTorch."""

from jaxtyping import Float, Int
from torch import Tensor, nn


def lenet() -> nn.Sequential:
    """Return LeNet for two images of 14x14 pixels, one in each channel, and ten classes each.

    Source: LeCun, Bottou, Bengio & Haffner (1998), doi 10.1109/5.726791; with rectified units.
    """
    return nn.Sequential(
        nn.Unflatten(1, (2, 14, 14)),
        nn.Conv2d(2, 12, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 48),
        nn.ReLU(),
        nn.Linear(48, 20),
    )


class Block(nn.Module):
    """A residual block: two convolutions beside the identity, without norms."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(n, n, 3, padding=1) for _ in range(2))

    def forward(self, x: Float[Tensor, "batch n h w"]) -> Float[Tensor, "batch n h w"]:
        return x + self.second(self.first(x).relu())


def resnet() -> nn.Sequential:
    """Return a residual network of two blocks, likewise.

    Source: He, Zhang, Ren & Sun (2016), doi 10.1109/CVPR.2016.90.
    """
    return nn.Sequential(
        nn.Unflatten(1, (2, 14, 14)),
        nn.Conv2d(2, 24, 3, stride=2, padding=1),
        Block(24),
        Block(24),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(216, 20),
    )


class Transformer(nn.Module):
    """One layer of attention and a perceptron, added to a stream; outputs from its mean.

    Tokens have no places, nor has the stream norms.

    Source: Nanda et al. (2023), arXiv:2301.05217.
    """

    def __init__(self, n_tokens: int, width: int = 32, heads: int = 4, hidden: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.out = nn.Linear(width, n_tokens)

    def forward(self, tokens: Int[Tensor, "batch n"]) -> Float[Tensor, "batch n_tokens"]:
        x = self.embedding(tokens)
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = x + self.down(self.up(x).relu())
        return self.out(x.mean(1))


class Memory(nn.Module):
    """An LSTM with linear outputs at all times.

    Source: Hochreiter & Schmidhuber (1997), doi 10.1162/neco.1997.9.8.1735.
    """

    def __init__(self, n_in: int, n_out: int, n: int = 24) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(n_in, n, batch_first=True), nn.Linear(n, n_out)

    def forward(self, u: Float[Tensor, "batch time n_in"]) -> Float[Tensor, "batch time n_out"]:
        return self.out(self.lstm(u)[0])
