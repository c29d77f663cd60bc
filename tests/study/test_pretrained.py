"""Weights that others trained: read from their package, into layers as they are there."""

import pytest
import torch
from torch.nn import functional as F

import modlib
from modlib.study import pretrained
from modlib.study.pretrained import voice_detector, weights_file


def test_all_weights_of_the_package_are_read_but_for_the_fourier_transform():
    tensors = pretrained.load_file(weights_file())
    told = voice_detector().state_dict()
    assert tensors.keys() - told.keys() == {"stft_conv.weight"}
    for name, value in told.items():
        assert torch.equal(value, tensors[name])


def test_its_layers_are_those_of_the_detector():
    network = modlib.network(voice_detector(), torch.zeros(2, 129, 4))
    assert list(network.sizes.values()) == [129, 128, 64, 64, 128, 128, 1]
    assert all("bias" in name for name in network.left_out)
    # over a kernel absolute weights are added up; rows feed columns
    kernel = pretrained.load_file(weights_file())["conv2.weight"]
    assert torch.allclose(network.connections[1].weight, kernel.abs().sum(-1).T, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_it_computes_what_the_packages_own_detector_does():
    """Of that, compiled and with weights of another release, the weights are put into ours."""
    other = torch.jit.load(weights_file().with_name("silero_vad.jit"))._model
    basis, *values = other.state_dict().values()
    ours = voice_detector()
    ours.load_state_dict(dict(zip(ours.state_dict(), values, strict=True)))
    sound = 0.1 * torch.randn(1, 576, generator=torch.Generator().manual_seed(0))
    parts = F.conv1d(F.pad(sound, (0, 64), "reflect")[:, None], basis, stride=128)
    spectrum = (parts[:, :129].square() + parts[:, 129:].square()).sqrt()
    with torch.no_grad():
        expected, _ = other(sound, torch.zeros(2, 1, 128))
        assert torch.allclose(ours(spectrum).sigmoid(), expected, atol=1e-5)


def test_a_package_that_is_not_there_is_named_with_what_brings_it(monkeypatch):
    monkeypatch.setattr(pretrained, "PACKAGE", "no-such-package")
    with pytest.raises(ValueError, match=r"no-such-package.*pip install 'modlib\[batch\]'"):
        weights_file()
