"""Make modlib/tasks/mnist.npz from MNIST's four files as they were published, gzipped.

    python workflow/mnist.py FOLDER

It holds `sums`, those of 2x2 pixels, 0 to 1020, of the 60,000 training images and then the 10,000
test images, and `labels`. The compressed bytes may depend on the version of zlib: the checksum that
is printed belongs into modlib/tasks/images.py.
"""

import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np

from modlib.tasks.images import MNIST

RAW = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""The files and the MD5 checksums of their bytes, once decompressed."""


def main(folder: Path, output: Path) -> None:
    """Write the sums and labels, and print the file's checksum.

    Raises:
        ValueError: if a file is not the published one.
    """
    raw = {name: gzip.decompress((folder / f"{name}.gz").read_bytes()) for name in RAW}
    for name, content in raw.items():
        if (digest := hashlib.md5(content).hexdigest()) != RAW[name]:
            raise ValueError(f"{name} should have the MD5 {RAW[name]} decompressed, got {digest}")
    bytes_of = [np.frombuffer(content, np.uint8) for content in raw.values()]
    images = np.concatenate([part[16:] for part in bytes_of[:2]]).reshape(-1, 14, 2, 14, 2)
    labels = np.concatenate([part[8:] for part in bytes_of[2:]])
    sums = images.sum((2, 4), dtype=np.uint16).reshape(-1, 196)
    np.savez_compressed(output, sums=sums, labels=labels)
    print(hashlib.sha256(output.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(Path(sys.argv[1]), MNIST)
