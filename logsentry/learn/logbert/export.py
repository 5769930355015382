"""Writes what a trained ensemble leaves behind: ONNX graphs that answer alike, and the probe.

Every graph takes `ids` int64 [batch, length], windows of one length; `stride` int64, as in `masking.complementary`; and `groups` bool [G],
which vote groups run. It answers, for the members of those groups in order,

- `ranks` int32 [members, batch, length]: at each position, when it is hidden, how many keys have a greater logit than the true key;
- `surprise` float32 [members, batch, length]: -log of the true key's probability there, nats;
- `distance` float32 [members, batch]: squared distance of the window to the member's centre, mean over the copies;
- `expected` int64 [batch, length, 3]: the three likeliest keys at each position, by the mean probability over these members.

Position 0 (BEGIN) is never hidden: its rank and surprise are 0 and what is expected there means nothing. The files hold operators of
the default domain only, no random ones, no external data and no paths. Their metadata say `members`, `groups`, `keys` and `max_length`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx

from logsentry.learn.int8 import quantized, ranges
from logsentry.learn.logbert import frame
from logsentry.learn.logbert.branches import branches, stacked
from logsentry.learn.logbert.members import OPSET, Template, weights_of
from logsentry.learn.logbert.model import LogBert
from logsentry.learn.logbert.probe import STRIDE, by_length, write_probe
from logsentry.learn.logbert.settings import Config
from logsentry.sdk import Graph, Part

PROBE = "probe.npz"


def write(model: LogBert, config: Config, folder: Path, probe: Sequence[Sequence[int]]) -> Part:
    """Write `model.onnx`, the other graphs that the config asks for, and `probe.npz`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_probe(model, probe, folder / PROBE)
    groups = config.vote_groups
    template = Template(model)
    plain = branches(template, weights_of(model), groups, model.size.keys)
    graphs = [save(plain, config, model, folder, Graph("model.onnx", "branches", "fp32"))]
    if config.int8:
        small = quantized(plain, ranges(model, by_length(probe), STRIDE))
        graphs.append(save(small, config, model, folder, Graph("model.int8.onnx", "branches", "int8")))
    if config.member_axis_graph:
        graphs.append(save(stacked(model, groups), config, model, folder, Graph("model.member_axis.onnx", "member_axis", "fp32")))
    return Part("logbert-ensemble", "masked-keys", tuple(graphs), groups, PROBE)


def save(middle: onnx.GraphProto, config: Config, model: LogBert, folder: Path, graph: Graph) -> Graph:
    metadata = {
        "detector": "logbert-ensemble",
        "groups": ",".join(map(str, config.vote_groups)),
        "keys": str(model.size.keys),
        "layout": graph.layout,
        "max_length": str(model.size.max_length),
        "members": str(model.members),
        "precision": graph.precision,
    }
    whole = frame.model(middle, len(config.vote_groups), metadata, OPSET)
    (folder / graph.file).write_bytes(whole.SerializeToString(deterministic=True))
    return graph
