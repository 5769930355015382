"""Jinja as every page of this package uses it: values escaped, hidden characters written out, and no name that is not there.

Texts in these pages come from strangers. `visible` runs on each value as jinja's `finalize`, which no template can forget.
"""

from __future__ import annotations

from typing import Any

import jinja2
from markupsafe import Markup

from logsentry.reports.visible import visible


def environment(package: str) -> jinja2.Environment:
    """For the templates that lie beside the modules of a package, for instance `logsentry.reports`."""
    parent, _, folder = package.rpartition(".")
    return jinja2.Environment(
        loader=jinja2.PackageLoader(parent, folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalize(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
