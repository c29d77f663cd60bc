"""A network that others trained, with the weights that ship in a package of the index."""

from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from modlib.network import network
from modlib.study.models import measured
from modlib.tasks.task import NO_MODULE

PACKAGE, FILE = "silero-vad", "data/silero_vad_16k.safetensors"
"""The package whose file of weights is read; its code is not run."""


class VoiceDetector(nn.Module):
    """Silero's detector of speech: four convolutions over a spectrum, an LSTM, one output.

    Of a piece of 36 ms at 16 kHz it takes the 129 magnitudes of a Fourier transform at four times;
    the logistic function of what it returns is the probability of speech.

    Source: Silero Team (2024), github.com/snakers4/silero-vad; MIT licence.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(129, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(self, x: Float[Tensor, "batch 129 4"]) -> Float[Tensor, "batch 1"]:
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = convolution(x).relu()
        state, _ = self.lstm_cell(x.squeeze(-1))
        return self.final_conv(state.relu()[..., None]).squeeze(-1)


def weights_file() -> Path:
    """Return the package's file of weights.

    Raises:
        ValueError: if the package is not installed.
    """
    found = find_spec(PACKAGE.replace("-", "_"))
    if found is None:
        raise ValueError(
            f"the weights of {PACKAGE} are needed, got no such package; pip install 'modlib[batch]'"
        )
    return Path(found.origin).parent / FILE


def voice_detector() -> VoiceDetector:
    """Return the detector with the package's weights; its Fourier transform is left out."""
    model = VoiceDetector()
    tensors = load_file(weights_file())
    del tensors["stft_conv.weight"]
    model.load_state_dict(tensors)
    return model


def pretrained_table(seeds: Sequence[int], nulls: int, restarts: int) -> pd.DataFrame:
    """Return one row of the detector for each seed of the nulls and the searches.

    Its modules are not known.
    """
    read = network(voice_detector(), torch.zeros(2, 129, 4))
    first, *_, last = (np.full(size, NO_MODULE) for size in read.sizes.values())
    told = {"package": PACKAGE, "version": version(PACKAGE)}
    return pd.DataFrame(
        told | {"seed": seed} | measured(read, first, last, nulls, restarts, seed) for seed in seeds
    )
