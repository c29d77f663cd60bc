"""Sums of products, whose dimensions are named by letters as in Einstein's notation.

In 'ni,io->no', a product of two matrices, i is summed over, and n is where the rows i are read.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from torch import Tensor
from torch.fx import Node

from modlib.network.attention import refuse_made_weights, refuse_mixtures, scores, values
from modlib.network.elementwise import dims_of_change, together
from modlib.network.neurons import MIXED, alike, narrow
from modlib.network.nodes import arguments, refuse, shape
from modlib.network.reading import Reading

Sizes = dict[str, int]


class Factor(NamedTuple):
    """An operand: its dimensions' letters, the place of each that was dropped, its neurons."""

    node: Node
    letters: str
    kept: tuple[int | slice, ...]
    numbers: Tensor


def linear(reading: Reading, node: Node) -> Tensor:
    """Return the neurons of x @ weight.mT + bias."""
    x, weight, *bias = arguments(node)
    before = "abcdefgh"[: len(shape(x)) - 1]
    numbers = product(reading, node, x, weight, f"{before}i,oi->{before}o")
    return shifted(reading, node, numbers, *bias)


def shifted(reading: Reading, node: Node, numbers: Tensor, bias: Node | None = None) -> Tensor:
    """Return the neurons of a product to which a bias is added."""
    if bias is None or bias in reading.fixed:
        return numbers
    return together(reading, node, numbers, reading.of(bias))


def matmul(reading: Reading, node: Node) -> Tensor:
    """Return the neurons of a product of vectors, matrices or stacks of matrices."""
    *bias, left, right = arguments(node)
    ranks = len(shape(left)), len(shape(right))
    stack = "abcdefgh"[: max(*ranks, 2) - 2]
    a = stack[len(stack) + 2 - ranks[0] :] + "ni" if ranks[0] > 1 else "i"
    b = stack[len(stack) + 2 - ranks[1] :] + "io" if ranks[1] > 1 else "i"
    out = stack + "n" * (ranks[0] > 1) + "o" * (ranks[1] > 1)
    return shifted(reading, node, product(reading, node, left, right, f"{a},{b}->{out}"), *bias)


def einsum(reading: Reading, node: Node) -> Tensor:
    """Return the neurons of a product in Einstein's own notation."""
    equation, operands = arguments(node)[:2]
    letters = equation.replace(" ", "")
    if len(operands) != 2 or "->" not in letters or "." in letters:
        refuse(node, "an einsum needs two operands, an arrow and no dots to be read")
    return product(reading, node, operands[0], operands[1], letters)


def product(reading: Reading, node: Node, left: Node, right: Node, letters: str) -> Tensor:
    """Return the neurons of a product with letters such as 'ni,io->no'.

    An operand that no input reaches is weights: the result is new neurons, and the other operand
    feeds them. Constants that are no parameters, and inputs that no weights have read, may also
    mix the positions of each neuron, as those of a graph do, and leave the neurons as they are.
    """
    ends, out = letters.split("->")
    a, b = ends.split(",")
    if left in reading.fixed:
        left, right, a, b = right, left, b, a
    sizes: Sizes = {}
    for letter, size in [*zip(a, shape(left), strict=True), *zip(b, shape(right), strict=True)]:
        sizes[letter] = max(size, sizes.get(letter, size))
    x, y = factor(reading, left, a, out, sizes), factor(reading, right, b, out, sizes)
    summed = [letter for letter in x.letters if letter in y.letters and letter not in out]
    if right not in reading.fixed or not reading.is_trained(right):
        for mover, mixer in ((x, y), (y, x)):
            dims = [mover.letters.index(letter) for letter in summed]
            kept = alike(reading.neurons.found(mover.numbers), dims).squeeze(dims)
            if not (carries(reading, mixer.numbers) or (kept == MIXED).any()) and kept.any():
                if mixer.node not in reading.fixed:
                    reading.leave_out(node)
                left_letters = [letter for letter in mover.letters if letter not in summed]
                result = spread(kept, left_letters, out, sizes)
                if mixer.node in reading.fixed:
                    dims = dims_of_change(reading.value(mixer.node)[mixer.kept])
                    varied = [mixer.letters[dim] for dim in dims]
                    dims = [out.index(letter) for letter in varied if letter in out]
                    reading.scaled.append((node, result, dims))
                return result
    if right in reading.fixed:
        return weighed(reading, node, x, y, out, sizes)
    if not (carries(reading, x.numbers) and carries(reading, y.numbers)):
        refuse(node, "neurons are multiplied by a matrix of inputs")
    return attended(reading, node, x, y, out, sizes)


def factor(reading: Reading, node: Node, letters: str, out: str, sizes: Sizes) -> Factor:
    """Return an operand without the dimensions along which it repeats itself.

    So do weights that are expanded over examples or places of the result.
    """
    strides = reading.value(node).stride() if node in reading.fixed else (1,) * len(letters)
    kept = tuple(
        0 if n != sizes[letter] or (stride == 0 and letter in out) else slice(None)
        for n, letter, stride in zip(shape(node), letters, strides, strict=True)
    )
    own = "".join(letter for letter, place in zip(letters, kept, strict=True) if place != 0)
    return Factor(node, own, kept, reading.of(node)[kept])


def carries(reading: Reading, numbers: Tensor) -> bool:
    """Return whether a value has neurons other than inputs that no weights have read."""
    neurons, numbers = reading.neurons, reading.neurons.found(numbers)
    passive = neurons.are_of(numbers, neurons.unread | neurons.conditions)
    return bool((numbers > MIXED).any()) and not passive


def spread(numbers: Tensor, letters: Sequence[str], out: str, sizes: Sizes) -> Tensor:
    """Return numbers with all dimensions of the result."""
    numbers = numbers.permute([letters.index(letter) for letter in out if letter in letters])
    places = tuple(slice(None) if letter in letters else None for letter in out)
    return numbers[places].expand([sizes[letter] for letter in out])


def weighed(reading: Reading, node: Node, x: Factor, y: Factor, out: str, sizes: Sizes) -> Tensor:
    """Return new neurons, and note by which weights `y` those of `x` feed them."""
    shared = [letter for letter in x.letters if letter in y.letters]
    blocks, summed = ([s for s in shared if (s in out) == kept] for kept in (True, False))
    beside = [letter for letter in x.letters if letter not in y.letters]
    made = [letter for letter in y.letters if letter not in x.letters]
    n_blocks, n_rows, n_columns = (prod(sizes[s] for s in part) for part in (blocks, summed, made))
    numbers = x.numbers.permute([x.letters.index(s) for s in [*blocks, *beside, *summed]])
    numbers = narrow(numbers, range(len(blocks), len(blocks) + len(beside)))
    rows = reading.rows(node, numbers.reshape(n_blocks, -1, n_rows))
    order = [y.letters.index(letter) for letter in [*blocks, *summed, *made]]

    def arrange(weight: Tensor) -> Tensor:
        return weight[y.kept].permute(order).reshape(n_blocks, n_rows, n_columns)

    columns = reading.neurons.new(reading.name(node, y.node), n_blocks * n_columns)
    reading.connect(node, y.node, arrange, rows, columns.view(n_blocks, n_columns))
    columns = columns.view([sizes[letter] for letter in [*blocks, *made]])
    return spread(columns, [*blocks, *made], out, sizes)


def attended(reading: Reading, node: Node, x: Factor, y: Factor, out: str, sizes: Sizes) -> Tensor:
    """Return the neurons of a product of two values that both have neurons: heads."""
    if set(x.letters) == set(y.letters) == set(out):
        a, b = (spread(each.numbers, each.letters, out, sizes) for each in (x, y))
        return together(reading, node, a, b)
    shared = [letter for letter in x.letters if letter in y.letters]
    blocks, summed = ([s for s in shared if (s in out) == kept] for kept in (True, False))
    if not summed:
        refuse(node, "each of several neurons is multiplied by each of several others")
    parts, are_several = [], []
    for each in (x, y):
        parted = blocks, [s for s in each.letters if s not in shared], summed
        numbers = each.numbers.permute([each.letters.index(s) for part in parted for s in part])
        numbers = numbers.reshape([prod(sizes[s] for s in part) for part in parted])
        refuse_made_weights(reading, node, numbers)
        are_several.append(bool((alike(reading.neurons.found(numbers), [1]) == MIXED).any()))
        parts.append(numbers)
    flat = [part.flatten(1) for part in parts]
    if any(reading.neurons.are_heads(part) for part in flat):
        heads = values(reading, *flat)
    else:
        for part in parts:
            refuse_mixtures(reading, node, part)
        heads = scores(reading, node, {"query": flat[0], "key": flat[1]})
        if all(are_several):
            reading.pairwise |= {*reading.neurons.layer[heads].tolist()}
    return spread(heads.view([sizes[letter] for letter in blocks]), blocks, out, sizes)
