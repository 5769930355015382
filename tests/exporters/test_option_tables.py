"""The pages of Elasticsearch and Splunk name every option that a configuration may hold, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from logsentry_elasticsearch.exporter import ElasticsearchConfig
from logsentry_elasticsearch_input.config import ElasticsearchInputConfig
from logsentry_splunk.connection import SplunkConfig

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| (`[a-z_]+`(?:(?:, | and | or |, or )`[a-z_]+`)*) \|", re.MULTILINE)


def named(page: str) -> set[str]:
    """The options in the first columns of the tables below the heading that has them."""
    text = (DOCS / page).read_text()
    tables = text[text.index("| option | meaning |") :]
    options = tables[: found.start()] if (found := re.search(r"^## ", tables, re.MULTILINE)) else tables
    return {name for row in ROW.findall(options) for name in re.findall(r"`([a-z_]+)`", row)}


@pytest.mark.parametrize(
    ("page", "configs"),
    [("elasticsearch.md", (ElasticsearchConfig, ElasticsearchInputConfig)), ("splunk.md", (SplunkConfig,))],
)
def test_every_option_is_on_the_page(page: str, configs: tuple[type[msgspec.Struct], ...]) -> None:
    assert named(page) == {name for config in configs for name in config.__struct_fields__}
