"""Targets of HTTP requests and the answers to them."""

from __future__ import annotations

import re
from urllib.parse import unquote

_DECODING_ROUNDS = 3
_MOST_PARAMETERS = 12
_LONGEST_NAME = 40
_PLACEHOLDER = re.compile(r"<[a-z0-9-]+>")
_SEGMENT = (
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"), "<date>"),
    (re.compile(r"[0-9]+"), "<number>"),
    (re.compile(r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?"), "<uuid>"),
    (re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}"), "<hash>"),
    (re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Fa-f]*[A-Fa-f])[0-9A-Fa-f]{8,}"), "<hex>"),
    (re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[\w=-]{16,}|[\w=+-]{64,}"), "<token>"),
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_VERSION = re.compile(r"(?<![0-9A-Za-z.])v?[0-9]+(?:\.[0-9]+)+(?![0-9])")
_DIGITS = re.compile(r"(?<![0-9])[0-9]+")
_FILE = re.compile(r"(.*?)((?:\.tar)?\.[A-Za-z][A-Za-z0-9]{0,9})", re.DOTALL)
_STATIC = {
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "bmp", "avif"), "<image>"),
    **dict.fromkeys(("css", "less", "map"), "<style>"),
    **dict.fromkeys(("js", "mjs"), "<script>"),
    **dict.fromkeys(("woff", "woff2", "ttf", "otf", "eot"), "<font>"),
    **dict.fromkeys(("mp3", "mp4", "webm", "ogg", "mov", "avi"), "<media>"),
}
_STATUS = {
    **dict.fromkeys(("200", "201", "202", "203", "204", "206", "207", "304"), "<answered>"),
    **dict.fromkeys(("300", "301", "302", "303", "307", "308"), "<moved>"),
    **dict.fromkeys(("401", "403", "407"), "<denied>"),
    **dict.fromkeys(("404", "410"), "<missing>"),
    **dict.fromkeys(("0", "000", "408", "499"), "<broken-off>"),
}
_CLASSES_OF_VALUES = (
    (re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,10})?"), "<number>"),
    (re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s<>\"']+|//[\w.-]+/[^\s<>\"']*"), "<url>"),
    (re.compile(r"(?:[A-Za-z]:)?[\w.~ -]*[\\/][\w.~ \\/-]*|\.\.[\w.\\/-]*"), "<path>"),
    (re.compile(r"[\w.~@-]{1,40}"), "<word>"),
    (re.compile(r"[\w=+~-]{41,}"), "<token>"),
    (re.compile(r"[\w.,:!?@~ -]{1,200}"), "<text>"),
)


def percent_decode(value: str) -> str:
    """Percent signs decoded, up to three times over, so that doubly encoded attacks read like plain ones. For features only.

    >>> percent_decode("/scripts/..%252f..%252fwinnt"), percent_decode("/blog/tags/year%20review")
    ('/scripts/../../winnt', '/blog/tags/year review')
    """
    for _ in range(_DECODING_ROUNDS):
        if "%" not in value or (decoded := unquote(value)) == value:
            break
        value = decoded
    return value


def path_parameters(value: str) -> str:
    """Segments of a path that name one thing among many become placeholders; a file keeps its ending.

    >>> path_parameters("/products/42/photos/3f2504e0-4f89-11d3-9a0c-0305e82c3301.png")
    '/products/<number>/photos/<uuid>.png'
    >>> path_parameters("/files/logstash/logstash-1.3.2-monolithic.jar"), path_parameters("/blog/2015-05-17/post7")
    ('/files/logstash/logstash-<version>-monolithic.jar', '/blog/<date>/post<number>')
    """
    return "/".join(map(_segment, value.split("/")))


def _segment(text: str) -> str:
    if _EMAIL.fullmatch(text):
        return "<email>"
    file = _FILE.fullmatch(text)
    name, ending = (file[1], file[2]) if file and file[1] else (text, "")
    for pattern, placeholder in _SEGMENT:
        if pattern.fullmatch(name):
            return placeholder + ending
    return _DIGITS.sub("<number>", _VERSION.sub("<version>", name)) + ending


def static_names(value: str) -> str:
    """The name of an image, style sheet, script, font or recording becomes its kind: which one it is says little of a visit.

    >>> static_names("/images/jordan-80.png"), static_names("/wp-login.php")
    ('/images/<image>', '/wp-login.php')
    """
    folder, slash, name = value.rpartition("/")
    stem, _, ending = name.rpartition(".")
    kind = _STATIC.get(ending.lower()) if stem else None
    return f"{folder}{slash}{kind}" if kind else value


def query_shape(value: str) -> str:
    """The names of a query's parameters in the order given, each with the class of its value.

    >>> query_shape("flav=rss20&page=3&file=../../etc/passwd&id=1'%20OR%20'1'='1&u=http://cirt.net/rfiinc.txt")
    'flav=<word>&page=<number>&file=<path>&id=<odd>&u=<url>'
    """
    parts = re.split("[&;]", value, maxsplit=_MOST_PARAMETERS)
    more = "&<more>" if len(parts) > _MOST_PARAMETERS else ""
    return "&".join(map(_parameter, parts[:_MOST_PARAMETERS])) + more


def _parameter(text: str) -> str:
    name, equals, content = text.partition("=")
    if not equals:
        return _value_class(name) if name else ""
    return f"{_parameter_name(percent_decode(name))}={_value_class(content)}"


def _parameter_name(name: str) -> str:
    if not re.fullmatch(r"[\w.\[\]$-]+", name) or len(name) > _LONGEST_NAME:
        return "<odd>"
    return _DIGITS.sub("0", name)


def _value_class(content: str) -> str:
    if content in _OWN_PLACEHOLDERS:
        return content
    text = percent_decode(content.replace("+", " ")) if "%" in content or "+" in content else content
    if not text:
        return "<empty>"
    for pattern, name in _CLASSES_OF_VALUES:
        if pattern.fullmatch(text):
            return name
    return "<odd>"


_OWN_PLACEHOLDERS = frozenset({"<number>", "<url>", "<path>", "<word>", "<token>", "<text>", "<odd>", "<empty>", "<more>"})


def extension(value: str) -> str:
    """The ending of a file's name in lower case, or `<none>`.

    >>> extension("/Photos/Cat.JPG"), extension("jpg"), extension("/cgi-bin/")
    ('jpg', 'jpg', '<none>')
    """
    name = re.split(r"[\\/]", value)[-1]
    stem, dot, ending = name.rpartition(".")
    found = (ending if dot else stem or ending).lower()
    return found if re.fullmatch(r"[a-z0-9]{1,16}", found) else "<none>"


def status_class(value: str) -> str:
    """What became of a request, by RFC 9110 section 15: a page that is unchanged in the browser's cache (304) was answered too.

    >>> [status_class(code) for code in ("200", "304", "301", "404", "403", "500", "400")]
    ['<answered>', '<answered>', '<moved>', '<missing>', '<denied>', '<failed>', '<refused>']
    """
    if value in _STATUS:
        return _STATUS[value]
    if re.fullmatch("[1-5][0-9]{2}", value):
        return {"1": "<answered>", "2": "<answered>", "3": "<moved>", "4": "<refused>", "5": "<failed>"}[value[0]]
    return value if _PLACEHOLDER.fullmatch(value) else "<odd>"
