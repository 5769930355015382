"""`logsentry plugins new`: a folder with a plugin that installs, is found, and passes its tests as it is."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from logsentry.errors import UsageError
from logsentry.registry import installed

KINDS = ("source",)
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
# Where each template goes; `package` in a name stands for the plugin's own folder.
_PLACES = {
    "source": {
        "pyproject.toml.txt": "pyproject.toml",
        "package__init__.py.txt": "{package}/__init__.py",
        "package_sample.log.txt": "{package}/sample.log",
        "tests_test_plugin.py.txt": "tests/test_{module}.py",
    }
}


def write_plugin(name: str, kind: str, folder: Path) -> Sequence[Path]:
    """Write the plugin into the folder, which is made; answers the files.

    Raises `UsageError` for a name that cannot be one, that somebody offers already, or a folder that holds something.
    """
    words = _words_of(name, kind)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UsageError(f"{folder} is there already; name another folder with --out, or empty that one")
    written = []
    for template, place in _PLACES[kind].items():
        path = folder / place.format(**words)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = files(__package__).joinpath("templates", kind, template).read_text(encoding="utf-8")
        path.write_text(Template(text).substitute(words), encoding="utf-8")
        written.append(path)
    return written


def _words_of(name: str, kind: str) -> dict[str, str]:
    """What the templates put in: `dns-tap` becomes `logsentry_dns_tap`, `DnsTap` and `dns_tap`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a plugin; use small letters, digits and single hyphens, such as dns-tap")
    if any(offer.name == name for offer in installed().offers(f"{kind}s")):
        raise UsageError(f"there is a {kind} {name!r} already; see logsentry plugins list")
    klass = "".join(word.capitalize() for word in name.split("-"))
    if keyword.iskeyword(klass):
        raise UsageError(f"{name!r} cannot be a class in Python; choose another name")
    module = name.replace("-", "_")
    return {"name": name, "module": module, "package": f"logsentry_{module}", "klass": klass, "prefix": module}
