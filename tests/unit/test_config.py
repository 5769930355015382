"""Configuration: what is read, and the sentence and line for everything that is wrong."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from logsentry import config
from logsentry.config.document import MAX_BYTES, read
from logsentry.errors import ConfigError, ContractBroken
from logsentry.registry import Offer, Registry
from logsentry.schema.profile import Field, Profile, SessionRule, Windowing

GOOD = """\
inputs:
  - use: files
    paths: [a.log, "b${SUFFIX:-.log}", 2024-01-01, no, 22:30]
    limit: ${LIMIT:-7}
source:
  use: web
  key: ${KEY}
  url: https://u:p@h/x
  profile:
    delimiters: ["/"]
bundle: {store: bundles, name: web}
exporters:
  - {use: duckdb, path: "$${x}"}
"""


class FilesConfig(msgspec.Struct, frozen=True):
    paths: tuple[str, ...]
    limit: int = 3
    follow: bool = False
    shares: dict[str, float] = {}


class Files:
    Config = FilesConfig


class WebConfig(msgspec.Struct, frozen=True):
    key: config.Secret | None = None
    url: str = ""
    api_token: str = ""


class Web:
    Config = WebConfig
    profile: ClassVar[Profile] = Profile(fields=(Field("a"),), windows=Windowing(session=SessionRule(key=("k",))))


class DuckConfig(msgspec.Struct, frozen=True):
    path: str


class Duck:
    Config = DuckConfig


@pytest.fixture(scope="module")
def registry() -> Registry:
    filled = Registry()
    for kind, name, target in [("inputs", "files", Files), ("sources", "web", Web), ("exporters", "duckdb", Duck)]:
        filled._take(Offer(kind, name, target, name, "tests 1"))
    filled._take(Offer("inputs", "gone", "no.such.module:It", "gone", "tests 1"))
    return filled


@pytest.fixture
def load(tmp_path: Path, registry: Registry):
    def loaded(text: str | bytes, **environment: str) -> config.Pipeline:
        file = tmp_path / "c.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return config.load(file, registry, {"KEY": "s3cret", **environment})

    return loaded


@pytest.fixture
def refused(load, tmp_path: Path):
    def sentence(text: str | bytes, **environment: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load(text, **environment)
        said = str(caught.value)
        assert "\n" not in said
        assert "s3cret" not in said
        return said.replace(f"{tmp_path}{os.sep}", "")

    return sentence


def test_a_configuration_becomes_typed_and_frozen(load) -> None:
    pipeline = load(GOOD)
    assert pipeline.inputs == (config.Part("files", FilesConfig(paths=("a.log", "b.log", "2024-01-01", "no", "22:30"), limit=7)),)
    assert pipeline.source.options.key.reveal() == "s3cret"
    assert pipeline.source.profile == msgspec.structs.replace(Web.profile, delimiters=("/",))
    assert pipeline.exporters[0].options.path == "${x}"
    assert (pipeline.bundle, pipeline.alerts.per_day) == (config.BundleRef("bundles", "web"), 5.0)
    assert pipeline.scoring == config.Scoring(("cpu",), "fp32", "majority", 100_000, 4096, 1)
    with pytest.raises(AttributeError):
        pipeline.state = "elsewhere"


def test_variables_fill_text_and_numbers_and_nothing_else(load, refused) -> None:
    pipeline = load(GOOD, SUFFIX="]\n  - use: gone #${KEY}", LIMIT="12")
    assert pipeline.inputs[0].options.paths[1] == "b]\n  - use: gone #${KEY}"
    assert len(pipeline.inputs) == 1
    assert pipeline.inputs[0].options.limit == 12
    assert load(GOOD, SUFFIX="").inputs[0].options.paths[1] == "b.log"
    assert refused(GOOD, LIMIT="many") == "c.yaml:4: inputs[0].limit should be a whole number, not text"
    assert refused(GOOD, LIMIT="[1]") == "c.yaml:4: inputs[0].limit should be a whole number, not text"
    said = refused(GOOD.replace("${KEY}", "${OTHER}"))
    assert said == "c.yaml:7: the variable OTHER of source.key is not set; set it, or write ${OTHER:-default}"
    assert "is not UTF-8" in refused(GOOD, SUFFIX="\udcff")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("paths:", "pathes:", "c.yaml:3: unknown key 'pathes' in inputs[0]; did you mean 'paths'?"),
        ("bundle:", "bundel:", "c.yaml:11: unknown key 'bundel'; did you mean 'bundle'?"),
        ("delimiters", "delimiter", "c.yaml:10: unknown key 'delimiter' in source.profile; did you mean 'delimiters'?"),
        ("use: files", "use: files\n    xyz: 1",
         "c.yaml:3: unknown key 'xyz' in inputs[0]; known: paths, limit, follow, shares, use"),
        ("use: files", "use: fles", "c.yaml:2: there is no input 'fles'; did you mean 'files'? (in inputs[0])"),
        ("use: files", "us: files", "c.yaml:2: inputs[0] should say `use: NAME` of a plugin"),
        ("use: files", "use: files\n    shares: {a.b: x}", "c.yaml:3: inputs[0].shares should be a number, not text"),
        ("limit: ${LIMIT:-7}", "limit: '7'", "c.yaml:4: inputs[0].limit should be a whole number, not text"),
        ("limit: ${LIMIT:-7}", "limit: 0755", "c.yaml:4: inputs[0].limit should be a whole number, not text"),
        ("limit: ${LIMIT:-7}", "follow: yes", "c.yaml:4: inputs[0].follow should be true or false, not text"),
        ("limit: ${LIMIT:-7}", "limit: 1e999", "c.yaml:4: the number is too large"),
        ("limit: ${LIMIT:-7}", "paths: [b]", "c.yaml:4: inputs[0].paths was given before, in line 3"),
        ('["/"]', '"/"', "c.yaml:10: source.profile.delimiters should be a list, not text"),
        ("key: ${KEY}", "key: 5", "c.yaml:7: source.key should be text, or file:/path"),
        ("store: bundles, ", "", "c.yaml:11: bundle lacks 'store'"),
        ("name: web}", "name: ''}", "c.yaml:11: bundle.name should be text of length >= 1"),
        ("bundles", "&a bundles", "c.yaml:11: anchors and aliases (& and *) are not supported"),
        ("bundles", "*a", "c.yaml:11: anchors and aliases (& and *) are not supported"),
        ("bundles", "!!python/object:os.system x", "c.yaml:11: the tag '!!python/object:os.system' is not supported"),
        ("bundles", "${STORE}", "c.yaml:11: a `${...}` between { } or [ ] must be quoted"),
        ("  url", "\turl", "c.yaml:8: a tab cannot indent YAML; use blanks"),
        ("url: https", "url: \x00https", "c.yaml:8: the character U+0000 is not allowed in YAML"),
        ("b${SUFFIX:-.log}", "b${1}",
         "c.yaml:3: `${` in inputs[0].paths[1] begins no variable; write ${NAME}, or $${ for the characters"),
        ("exporters:", "5: 6\nexporters:", "c.yaml:12: a key of the file is not text; quote it"),
        ("exporters:", "scoring: {vote: median}\nexporters:", "c.yaml:12: scoring.vote should be one of majority, majority-early, mean"),
        ("exporters:", "scoring: {threads: 0}\nexporters:", "c.yaml:12: scoring.threads should be a whole number >= 1"),
        ("exporters:", "scoring: {providers: [gpu]}\nexporters:", "c.yaml:12: scoring.providers[0] should be one of cpu, cuda, tensorrt"),
        ("exporters:", "alerts: {per_day: -1}\nexporters:", "c.yaml:12: alerts.per_day should be a number > 0.0"),
        ("exporters:", "alerts:\nexporters:", "c.yaml:12: alerts should be a mapping (`name: value`), not empty"),
        ("exporters:", "---\nexporters:", "c.yaml:12: but found another document (expected a single document in the stream)"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_sentence_with_its_line(refused, old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert refused(GOOD.replace(old, new, 1)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "c.yaml is empty; `logsentry config schema` says what it may hold"),
        ("# nothing\n", "c.yaml is empty; `logsentry config schema` says what it may hold"),
        ("just text", "c.yaml:1: the file should be a mapping (`name: value`)"),
        ("{}", "c.yaml:1: the key 'inputs' is missing"),
        (b"a: 1\nb: \xff\n", "c.yaml:2: byte 8 is not UTF-8; save the file as UTF-8"),
        ("a: " + "[" * 100_000, "c.yaml:1: this is nested more than 32 levels deep"),
        ("x" * (MAX_BYTES + 1), "c.yaml is larger than 1,048,576 bytes; a configuration is not"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(refused, text: str | bytes, said: str) -> None:
    assert refused(text) == said


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path, reason in [(tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory")]:
        with pytest.raises(ConfigError, match=reason):
            config.load(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load("a\0b")


@given(st.binary(max_size=200) | st.text(alphabet="ab:-{}[]\"'\n #&*!|>%@${}?,\t0.1", max_size=200).map(str.encode))
def test_no_bytes_raise_anything_but_a_config_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(data)
    with suppress(ConfigError):
        read(file)


def test_an_alias_bomb_is_refused_at_its_first_anchor(refused) -> None:
    layers = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert refused("\n".join(layers)) == "c.yaml:1: anchors and aliases (& and *) are not supported"


def test_a_plugin_that_does_not_import_is_its_authors_defect(load) -> None:
    with pytest.raises(ContractBroken, match=r"inputs 'gone' of tests 1 cannot be imported"):
        load(GOOD.replace("use: files", "use: gone"))


def test_a_secret_comes_from_a_file_and_never_shows_itself(load, refused, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    secret = load(GOOD.replace("${KEY}", f"file:{tmp_path / 'key'}")).source.options.key
    assert secret.reveal() == "from a file"
    assert [str(secret), f"{secret}", repr(secret)] == ["***", "***", "Secret('***')"]
    with pytest.raises(TypeError):
        msgspec.json.encode({"key": secret})
    said = refused(GOOD.replace("${KEY}", "file:/no/such"))
    assert said == "c.yaml:7: source.key cannot be read from /no/such: No such file or directory"
    (tmp_path / "key").write_bytes(b"s3cret \xff")
    assert refused(GOOD.replace("${KEY}", f"file:{tmp_path / 'key'}")).endswith("key: it is not UTF-8")


def test_show_hides_secrets_and_fills_in_defaults(load) -> None:
    text = GOOD.replace("url: ", "api_token: forgotten\n  url: ")
    shown = config.show(load(text))
    for planted in ("s3cret", "forgotten", "u:p"):
        assert planted not in shown
    assert yaml.safe_load(shown)["scoring"]["threads"] == 1
    assert yaml.safe_load(shown)["source"]["url"] == "https://***@h/x"
    assert "s3cret" in config.show(load(text), redact=False)


VALUES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029\ufeff"), max_size=30
)


@given(st.lists(VALUES | st.sampled_from(["null", "1e3", "0x1F", "0755", "${A}", "$${", "~", "true", "-", "1_000", "12:30"])))
def test_what_show_prints_is_read_to_the_same(
    registry: Registry, tmp_path_factory: pytest.TempPathFactory, paths: list[str]
) -> None:
    before = config.Pipeline(
        inputs=(config.Part("files", FilesConfig(tuple(paths), limit=2**62)),),
        source=config.SourcePart("web", WebConfig(config.Secret("".join(paths[:1]).removeprefix("file:")), "u"), Web.profile),
        bundle=config.BundleRef("s", "n"),
        exporters=(config.Part("duckdb", DuckConfig("p")),),
    )
    file = tmp_path_factory.getbasetemp() / "shown.yaml"
    file.write_text(config.show(before, redact=False), encoding="utf-8")
    assert config.load(file, registry, {}) == before


def test_the_schema_knows_every_plugins_options(registry: Registry) -> None:
    schema, left_out = config.schema(registry)
    json.dumps(schema)
    assert left_out == ["inputs 'gone' of tests 1 cannot be imported from no.such.module:It: No module named 'no'"]
    assert schema["properties"]["inputs"]["items"] == {"anyOf": [{"$ref": "#/$defs/inputs.files"}]}
    files = schema["$defs"]["inputs.files"]
    assert files["properties"]["use"] == {"const": "files"}
    assert files["required"] == ["use", "paths"]
    assert files["additionalProperties"] is False
    assert schema["$defs"]["sources.web"]["properties"]["key"]["anyOf"][0]["format"] == "password"
    assert "profile" in schema["$defs"]["sources.web"]["properties"]
    assert schema["required"] == ["inputs", "source", "bundle", "exporters"]


def test_every_reference_of_the_schema_leads_somewhere(registry: Registry) -> None:
    schema, _ = config.schema(registry)
    text = json.dumps(schema)
    references = {part.partition('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]}
    assert references
    assert references <= set(schema["$defs"])
