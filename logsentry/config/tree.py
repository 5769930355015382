"""What a configuration holds, as types. Options of plugins are their own `Config` structs; `load` puts them in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from logsentry.schema.profile import Profile

Text = Annotated[str, Meta(min_length=1)]


class Part(msgspec.Struct, frozen=True):
    """An input or exporter: the plugin's name, and its options as its own `Config` struct."""

    use: str
    options: Any


class SourcePart(msgspec.Struct, frozen=True):
    """The source; `profile` is its profile with what the file overrides, or None where the file overrides nothing."""

    use: str
    options: Any
    profile: Profile | None = None


class BundleRef(msgspec.Struct, frozen=True):
    """Which bundle scores."""

    store: Annotated[Text, Meta(description="folder of the bundles")]
    name: Annotated[Text, Meta(description="a name in the store, or name@digest")]


class Alerts(msgspec.Struct, frozen=True):
    """How many false alerts a person is willing to look at."""

    per_day: Annotated[float, Meta(gt=0, description="false alerts a day that the threshold is chosen for")] = 5.0


class Scoring(msgspec.Struct, frozen=True):
    """How windows are scored. The defaults are right unless something was measured."""

    providers: Annotated[
        tuple[Literal["cpu", "cuda", "tensorrt"], ...],
        Meta(min_length=1, description="execution providers in order; `cuda` alone fails where there is no GPU"),
    ] = ("cpu",)
    precision: Annotated[Literal["fp32", "fp16", "int8"], Meta(description="which graph of the bundle serves")] = "fp32"
    vote: Annotated[
        Literal["majority", "majority-early", "mean"],
        Meta(description="how the members' scores become one; early stops asking once the verdict is certain"),
    ] = "majority"
    table: Annotated[int, Meta(ge=0, description="distinct windows whose score is remembered; 0 for none")] = 100_000
    batch_tokens: Annotated[int, Meta(ge=1, description="tokens in one batch of windows of one length")] = 4096
    threads: Annotated[int, Meta(ge=1, description="processor threads of the model")] = 1
    gpu_memory: Annotated[int, Meta(ge=0, description="MiB of a GPU that one session takes at most; 0 for no bound")] = 0
    cuda_graphs: Annotated[
        bool, Meta(description="record the kernels of each shape once; refused where a graph does not allow it")
    ] = False
    engines: Annotated[str, Meta(description="folder where TensorRT keeps what it built; empty: it builds at each start")] = ""


class Pipeline(msgspec.Struct, frozen=True):
    """A whole configuration, checked."""

    inputs: tuple[Part, ...]
    source: SourcePart
    bundle: BundleRef
    exporters: tuple[Part, ...]
    alerts: Alerts = Alerts()
    scoring: Scoring = Scoring()
    state: Annotated[Text, Meta(description="folder of the checkpoints")] = "logsentry-state"
    patience: Annotated[
        float, Meta(ge=0, description="seconds without anything passing, after which a run gives up until the next one")
    ] = 900.0
    dead_letters: Annotated[Text, Meta(description="file that takes what could not be decoded or stored")] = (
        "logsentry-dead-letters.ndjson"
    )


class SpoolPart(msgspec.Struct, frozen=True):
    """Where what arrives is kept until it was scored."""

    folder: Annotated[Text, Meta(description="folder of the spool")] = "logsentry-spool"
    most_bytes: Annotated[int, Meta(ge=1 << 20, description="size at which no more is taken until some was scored")] = 1 << 30


class SyslogTls(msgspec.Struct, frozen=True):
    """TLS of the TCP listener; with `client_ca` only clients with a certificate of that authority are let in."""

    certificate: Annotated[Text, Meta(description="file with the certificate, and those between it and its authority")]
    key: Annotated[Text, Meta(description="file with its key")]
    client_ca: Annotated[str, Meta(description="file with the authority of clients' certificates")] = ""


class Syslog(msgspec.Struct, frozen=True):
    """Where syslog is listened for, each as HOST:PORT. Beyond this machine `peers` or certificates of clients are needed."""

    tcp: Annotated[str, Meta(description="address for syslog over TCP")] = ""
    udp: Annotated[str, Meta(description="address for syslog over UDP, which may lose messages")] = ""
    tls: SyslogTls | None = None
    peers: Annotated[tuple[str, ...], Meta(description="networks whose machines may send, for instance 10.0.0.0/8")] = ()


class Listen(msgspec.Struct, frozen=True):
    """What forwarders may deliver here, and how. `record` is the field of a JSON document that holds the raw record."""

    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,63}$", description="part of the address: /intake/NAME/_bulk")]
    bulk: Annotated[bool, Meta(description="take what is sent to Elasticsearch's _bulk")] = False
    hec: Annotated[bool, Meta(description="take what is sent to Splunk's HTTP Event Collector")] = False
    record: Annotated[Text, Meta(description="field of a document that is the raw record, or `document` for all of it")] = (
        "message"
    )
    acknowledge: Annotated[Literal["stored", "exported"], Meta(description="when a collector's acknowledgement is given")] = (
        "stored"
    )
    hold: Annotated[float, Meta(gt=0, description="seconds after which windows that wait for more events are closed")] = 3600.0
    spool: SpoolPart = SpoolPart()
    syslog: Syslog | None = None


class Forward(msgspec.Struct, frozen=True):
    """A configuration of `logsentry serve --forward`: a `Pipeline` with what arrives in place of inputs."""

    listen: Listen
    source: SourcePart
    bundle: BundleRef
    exporters: tuple[Part, ...]
    alerts: Alerts = Alerts()
    scoring: Scoring = Scoring()
    state: Annotated[Text, Meta(description="folder of the checkpoints")] = "logsentry-state"
    patience: Annotated[float, Meta(ge=0, description="seconds without anything passing, after which it begins anew")] = 900.0
    dead_letters: Annotated[Text, Meta(description="file that takes what could not be decoded or stored")] = (
        "logsentry-dead-letters.ndjson"
    )
