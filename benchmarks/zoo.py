"""Count the models of torchvision that `modlib.network` reads, and print what it says of others.

Each model is traced without weights, in a process and a time of its own:

    pip install torchvision
    python benchmarks/zoo.py [NAME ...]
"""

import multiprocessing
import sys
from collections import Counter

import torch
from torchvision import models

import modlib

SECONDS = 300


def example(name: str) -> tuple:
    """Return inputs of a model: images, a film, two images or a list of images of any size."""
    if name.startswith("raft"):
        return torch.randn(2, 3, 128, 128), torch.randn(2, 3, 128, 128)
    if any(part in name for part in ("rcnn", "retinanet", "fcos", "ssd")):
        return ([torch.randn(3, 64, 64)] * 2,)
    if name in models.list_models(models.video):
        is_large = name.startswith(("mvit", "s3d"))
        return (torch.randn(1, 3, 16, 224, 224) if is_large else torch.randn(2, 3, 4, 64, 64),)
    is_fixed = name.startswith(("vit", "maxvit"))
    return (torch.randn(2, 3, 224, 224) if is_fixed else torch.randn(2, 3, 96, 96),)


def read(name: str, told: multiprocessing.Queue) -> None:
    """Tell what came of a model: 'read', 'refused' or 'failed', and a line about it."""
    kinds = (models.detection, models.segmentation)
    has_backbone = any(name in models.list_models(kind) for kind in kinds)
    options = {"weights_backbone": None} if has_backbone else {}
    model = models.get_model(name, weights=None, **options)
    try:
        found = modlib.network(model, *example(name))
        told.put(("read", f"{len(found.sizes)} layers, {len(found.connections)} connections"))
    except ValueError as refusal:
        told.put(("refused", str(refusal)))
    except Exception as error:
        told.put(("failed", repr(error)))


def main(names: list[str]) -> None:
    """Print a line for each model, and the counts."""
    counts: Counter[str] = Counter()
    for name in names or models.list_models():
        told: multiprocessing.Queue = multiprocessing.Queue()
        process = multiprocessing.Process(target=read, args=(name, told), daemon=True)
        process.start()
        process.join(SECONDS)
        verdict, line = ("failed", f"no answer in {SECONDS} s") if told.empty() else told.get()
        process.kill()
        counts[verdict] += 1
        print(f"{name:40s} {verdict:8s} {line[:200]}", flush=True)
    print(dict(counts))


if __name__ == "__main__":
    main(sys.argv[1:])
