"""The gallery of tasks draws inputs where they lie, in the colours of their modules."""

import numpy as np

from modlib.figures.tasks import MODULES, gallery
from modlib.tasks import TASKS


def test_the_gallery_shows_each_input_once_with_its_module():
    names = ["two_digits", "planted_0"]
    axes = np.reshape(gallery(names).axes, (2, 2))
    for name, (above, below) in zip(names, axes.T, strict=True):
        task = TASKS[name]()
        drawn = np.ma.filled(above.images[0].get_array(), np.nan)
        assert np.isfinite(drawn).sum() == len(task.input_modules)
        values = task.draw(0).train.x[0]
        assert np.isclose(np.nansum(drawn), values.sum(), atol=1e-3)
        modules = below.images[0].get_array().compressed()
        assert sorted(modules) == sorted(task.input_modules + 1)
        assert below.images[0].get_cmap() is MODULES or below.images[0].get_cmap() == MODULES
    # the second digit's pixels lie beside the first's
    shape = axes[0, 0].images[0].get_array().shape
    assert shape == (8, 16)
