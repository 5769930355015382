"""User agents: which program asked, without its version."""

from __future__ import annotations

import re

_SCANNERS = (
    "sqlmap", "nikto", "nmap", "masscan", "zgrab", "acunetix", "netsparker", "wpscan", "dirbuster", "gobuster", "feroxbuster",
    "ffuf", "nuclei", "wfuzz", "w3af", "arachni", "openvas", "nessus", "burp", "zaproxy", "skipfish", "whatweb", "joomscan",
    "hydra", "havij", "morfeus", "zmeu", "jorgee", "censys", "expanse", "l9explore", "jndi:",
)  # fmt: skip
_TOOLS = (
    "curl", "wget", "python-requests", "python-urllib", "python-httpx", "aiohttp", "go-http-client", "libwww-perl", "lwp-trivial",
    "java", "okhttp", "apache-httpclient", "ruby", "scrapy", "axios", "node-fetch", "powershell", "winhttp", "httpie", "guzzle",
    "php", "libfetch", "lwp",
)  # fmt: skip
_READERS = (
    "feedparser", "feedburner", "feedfetcher", "feedly", "feedbin", "newsblur", "tiny tiny rss", "rss", "reader", "netvibes",
    "liferea",
)  # fmt: skip
_BOT = re.compile(r"bot|crawl|spider|slurp|archiver|validator|monitor|checker|preview")
_WORD_BEFORE = re.compile(r"[a-z0-9._-]*\Z")
_WORD_AFTER = re.compile(r"[a-z0-9_-]*")
_LONGEST_NAME = 32
# Robots say `(compatible; Name/1.0; …)`, a form that only the Internet Explorer shares with them.
_COMPATIBLE = re.compile(r"\(compatible; (?!msie)([a-z][a-z0-9 ._-]*)")
# First match wins: Edge and Opera name Chrome as well, Chrome names Safari, and nearly all name Mozilla.
_BROWSERS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("edge", r"\bedg(?:e|a|ios)?/"), ("opera", r"\b(?:opr|opera)[/ ]"),
        ("firefox", r"\b(?:firefox|fxios|iceweasel|minefield)/"),
        ("chrome", r"\b(?:chrome|crios|chromium)/"), ("msie", r"\bmsie |\btrident/"), ("safari", r"\b(?:safari|applewebkit)/"),
        ("gecko", r"\bgecko/"),
    )
)  # fmt: skip
_PRODUCT = re.compile(r"[a-z][a-z _.+-]*")


def agent_family(value: str) -> str:
    """The program's name in lower case: a known scanner, tool or browser, a robot by its own name, or else the first word.

    >>> agent_family("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"), agent_family("curl/7.68.0")
    ('googlebot', 'curl')
    >>> agent_family("Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.107 Safari/537.36")
    'chrome'
    """
    return _known(value)[1]


def agent_class(value: str) -> str:
    """What kind of program asked: `<browser>`, `<bot>`, `<reader>`, `<tool>`, `<scanner>`, `<other>`, or `<none>`.

    A log of three days holds a third of the robots that the next three hold; their kinds it holds all.

    >>> agent_class("Mozilla/5.00 (Nikto/2.1.5) (Evasions:None) (Test:Port Check)"), agent_class("-")
    ('<scanner>', '<none>')
    """
    return _known(value)[0]


def _known(value: str) -> tuple[str, str]:
    """(class, family). A class that is read again stays what it is."""
    text = value.lower()
    if text.strip() in ("", "-", "<none>"):
        return "<none>", "<none>"
    if text in _CLASSES:
        return text, text
    for kind, names in (("<scanner>", _SCANNERS), ("<reader>", _READERS)):
        for name in names:
            if name in text:
                return kind, name
    if (bot := _BOT.search(text)) is not None:
        return "<bot>", _name_around(text, bot)
    if (named := _COMPATIBLE.search(text)) is not None:
        return "<bot>", named[1].strip(" .-_")
    return _tool_or_browser(text)


def _name_around(text: str, bot: re.Match[str]) -> str:
    """The whole word that `bot` lies in. The word is grown from there, as a pattern with `.*` before it takes quadratic time."""
    before = text[max(bot.start() - _LONGEST_NAME, 0) : bot.start()]
    left, right = _WORD_BEFORE.search(before), _WORD_AFTER.match(text, bot.end(), bot.end() + _LONGEST_NAME)
    return ((left[0] if left else "") + bot[0] + (right[0] if right else "")).strip(".-_")


def _tool_or_browser(text: str) -> tuple[str, str]:
    for name in _TOOLS:
        if re.match(rf"{re.escape(name)}(?![a-z])", text):
            return "<tool>", name
    for name, pattern in _BROWSERS:
        if pattern.search(text):
            return "<browser>", name
    first = _PRODUCT.match(text)
    return "<other>", first[0].strip(" _.+-") if first else "<odd>"


_CLASSES = frozenset({"<browser>", "<bot>", "<reader>", "<tool>", "<scanner>", "<other>"})
