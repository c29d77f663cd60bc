"""Which rule reads which of PyTorch's operations."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.fx import Node

from modlib.network.attention import attention
from modlib.network.elementwise import (
    constant,
    elementwise,
    gated_halves,
    is_several,
    reduced,
    sampled,
    unchanged,
)
from modlib.network.experts import grouped
from modlib.network.layers import convolution, embedding, one_hot
from modlib.network.nodes import operation, outputs, refuse
from modlib.network.products import einsum, linear, matmul
from modlib.network.reading import Reading, mixed
from modlib.network.recurrent import cell, recurrent
from modlib.network.shapes import (
    chosen,
    copied,
    item,
    moved,
    moved_as_floats,
    padded,
    pooled,
    reshaped,
)

Rule = Callable[[Reading, Node], Tensor | list[Tensor]]

RULES: dict[Rule, str] = {
    unchanged: """
        _to_copy alias alpha_dropout batch_norm clone contiguous cosine_embedding detach dropout
        feature_alpha_dropout feature_dropout group_norm hardswish instance_norm layer_norm
        lift_fresh_copy local_response_norm log_sigmoid log_softmax logsigmoid masked_fill
        native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training
        native_dropout native_group_norm
        native_layer_norm _safe_softmax _softmax _log_softmax normalize prelu rms_norm softmax
        softmin to tanhshrink type_as
        """,
    constant: "rand_like randn_like",
    sampled: "bernoulli",
    elementwise: "absolute arctan arctan2 divide fix multiply negative special_expit subtract "
    "true_divide where",
    reduced: """
        all amax amin any argmax argmin cummax cummin cumprod cumsum kthvalue linalg_vector_norm
        logcumsumexp logsumexp max mean median min nanmean nansum norm prod sort std std_mean sum
        topk var var_mean
        """,
    gated_halves: "glu",
    moved: """
        broadcast_tensors broadcast_to cat channel_shuffle chunk concat concatenate diagonal expand
        expand_as flip hstack movedim unsafe_split unsafe_split_with_sizes
        narrow native_channel_shuffle permute pixel_shuffle pixel_unshuffle repeat
        repeat_interleave roll rot90 select select_scatter slice slice_scatter split
        split_with_sizes squeeze stack swapaxes t tile transpose tril triu unbind unfold unsqueeze
        """,
    moved_as_floats: """
        im2col reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d
        replication_pad2d replication_pad3d
        """,
    padded: "constant_pad_nd pad",
    reshaped: "_unsafe_view flatten reshape unflatten view view_as reshape_as",
    chosen: "gather index index_select take_along_dim",
    copied: "copy fill",
    item: "getitem",
    pooled: """
        adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
        adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d max_pool1d
        max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
        max_pool3d_with_indices upsample_bicubic2d upsample_bilinear2d upsample_linear1d
        upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_trilinear3d
        _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d
        _upsample_nearest_exact2d _upsample_nearest_exact3d
        """,
    linear: "linear",
    matmul: "addmm baddbmm bmm dot matmul mm mv",
    einsum: "einsum",
    convolution: "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d",
    embedding: "embedding",
    one_hot: "one_hot",
    attention: "scaled_dot_product_attention",
    grouped: "_grouped_mm grouped_mm_fallback",
    recurrent: "gru lstm rnn_relu rnn_tanh",
    cell: "gru_cell lstm_cell rnn_relu_cell rnn_tanh_cell",
}
"""Rules and the names of the operations that they read; entry by entry, PyTorch tags most."""

RULE_OF = {name: rule for rule, names in RULES.items() for name in names.split()}


def read(reading: Reading, node: Node) -> Tensor | list[Tensor]:
    """Return the neurons of a node's value.

    Raises:
        ValueError: if no rule reads its operation, and neurons or parameters go into it.
    """
    rule = RULE_OF.get(operation(node).rstrip("_"))
    if rule is None and torch.Tag.pointwise in getattr(node.target, "tags", ()):
        rule = elementwise
    is_mask = all(output.dtype == torch.bool for output in outputs(node))
    if rule is not None and not is_mask:
        return rule(reading, node)
    operands = node.all_input_nodes
    if not is_mask and any(reading.has_neurons(operand) for operand in operands):
        refuse(node, "no rule says what it does to neurons")
    if any(operand in reading.fixed and reading.is_trained(operand) for operand in operands):
        refuse(node, "no rule says what it does with parameters")
    numbers = [mixed(output) for output in outputs(node)]
    return numbers if is_several(node) else numbers[0]
