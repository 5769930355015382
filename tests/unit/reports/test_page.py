"""The page: nothing that stands in a log can become markup, and what the reader must know first is there."""

from __future__ import annotations

import os
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logsentry.errors import UsageError
from logsentry.reports.content import Histogram, ReportContent, ShownEvent, TopWindow, histogram, timeline
from logsentry.reports.page import render, write
from logsentry.reports.token_picture import TokenPicture
from logsentry.reports.visible import LONGEST, shown, visible
from logsentry.schema.books import Books
from logsentry.schema.score import Reason

VOID = {"meta", "link", "rect", "line", "img"}
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
ATTACKS = [
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    '"><img src=http://x onerror=a>',
    "{{ 7 * 7 }}",
    "]]>--></style></title>",
]
HIDDEN = "\x00\x1b[31m\r\n\t\x7f\x85\u200b\u202e\u2028\u2066\ufeff\ud800\udcff\ufe0f\U000e0041\xa0"


def picture(text: str) -> TokenPicture:
    return TokenPicture(1.5, (text, "calm", text), (0.5, 0.0, -0.25), (0, 1), ((0.5, 0.5), (0.1, 0.9)))


def report(text: str = "plain", **changes: object) -> ReportContent:
    """A small page with `text` in every place that takes text."""
    start = 1_714_729_211_000_000_000
    events = tuple(ShownEvent(i, start + i * 10**9, text, f"{i}{text}") for i in range(14))
    reasons = (
        Reason(text, f"5{text}", 5, text, (text, text), 12),
        Reason(text, expected=(text,)),
    )
    top = (
        TopWindow(text, start, 0.9, 0.001, True, text, events, reasons, picture(text)),
        TopWindow(text, None, 0.3, 0.5, False, text, (ShownEvent(0, None, text, text),)),
    )
    content = ReportContent(
        title=text,
        generated_at=text,
        detector=text,
        source=text,
        inputs=(text, text),
        books=Books(read=20, scored=15, filtered=3, dead_lettered=2),
        threshold=0.5,
        alerts_per_day=5,
        calibrated_on=1200,
        histogram=histogram([0.1, 0.3, 0.9], [False, False, True], 0.5),
        timeline=timeline([start, start, None], [True, False, False]),
        top=top,
        bundle=text,
        runs=(text,),
        degraded=True,
    )
    return msgspec.structs.replace(content, **changes)


class Outline(HTMLParser):
    """Tags with their attributes, and the text inside each class; `<i>` marks text that the report wrote out itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "i":
            assert not attrs
            return
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            name = dict(attrs).get("class") or tag
            self.open.append((tag, name))
            self.texts.setdefault(name, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"i", *VOID}:
            assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1][1]][-1] += data


def text_of(page: str, identity: str) -> str:
    """The words of the element with this id, tags taken out."""
    found = re.search(rf'<section[^>]* id="{identity}">(.*?)</section>', page, re.S)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


@settings(deadline=None, max_examples=60)
@given(ANY_TEXT.filter(bool))
@example(HIDDEN)
@example(ATTACKS[0])
@example(ATTACKS[2])
@example(ATTACKS[3])
@example(ATTACKS[4])
def test_any_text_in_any_place_comes_back_as_text_and_nothing_else(text: str) -> None:
    page = render(report(text))
    page.encode("utf-8")
    seen, plain = Outline(page), Outline(render(report()))
    assert seen.tags == plain.tags
    written = visible(text)
    for name, times in {"line": 15, "key": 2, "what": 2, "seen": 1, "expected": 3, "votes": 2, "input": 2, "detector": 1}.items():
        assert seen.texts[name] == [written] * times
    assert seen.texts["title"][0] == written
    assert seen.texts["token for s9"] == [written] * 2
    titles = [value for name, value in seen.attributes if name == "title" and value.startswith("event ")]
    assert titles[0] == visible(f"0{text}").join(["event ", ""])
    assert not [c for c in page if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_loaded_from_elsewhere(attack: str) -> None:
    page = render(report(attack))
    outline = Outline(page)
    assert not [value for name, value in outline.attributes if name in {"src", "href", "action"} and value[:5] != "data:"]
    assert [value[:22] for name, value in outline.attributes if name == "src"] == ["data:image/png;base64,"]  # drawn here
    assert not [name for name, _ in outline.attributes if name.startswith("on") or name in {"style", "srcset", "xlink:href"}]
    assert not {"script", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in outline.tags}
    assert not re.search(r"url\(|@import|@font-face", outline.texts["style"][0])


def test_the_policy_allows_inline_style_alone() -> None:
    outline = Outline(render(report()))
    policy = next(value for name, value in outline.attributes if value.startswith("default-src"))
    assert policy.split("; ")[:3] == ["default-src 'none'", "style-src 'unsafe-inline'", "img-src data:"]
    assert "script-src" not in policy
    assert render(report()).index("Content-Security-Policy") < render(report()).index("<style>")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("GET /\x1b[2J", "GET /\\x1b[2J"),
        ("a\x00b\tc\nd", "a\\x00b\\tc\\nd"),
        ("invoice\u202efdp.exe", "invoice\\u202efdp.exe"),
        ("\ud800 \udcff", "\\ud800 \\udcff"),
        ("Zürich 東京 ☃", "Zürich 東京 ☃"),
        ("pay\u200bpal \u3164", "pay\\u200bpal \\u3164"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_hidden_characters_are_written_out(text: str, written: str) -> None:
    assert visible(text) == written


def test_what_was_written_out_differs_from_a_log_that_says_the_same() -> None:
    assert shown("\x1b<") == "<i>\\x1b</i>&lt;"
    assert shown("\\x1b<") == "\\x1b&lt;"


def test_a_long_line_is_cut_with_its_length_told_and_its_end_kept() -> None:
    line = "GET /" + "A" * 100_000 + " 414"
    written = visible(line)
    assert "100,009 characters" in written
    assert written.startswith("GET /A")
    assert written.endswith("A 414")
    assert len(written) < LONGEST + 60
    assert len(render(report(line))) < 100_000


@given(ANY_TEXT)
def test_what_is_visible_stays_as_it_is(text: str) -> None:
    assert visible(visible(text)) == visible(text)


def test_the_structure_of_a_small_page() -> None:
    outline = Outline(render(report()))
    ids = [value for name, value in outline.attributes if name == "id" and "-" not in value]
    assert ids == ["alerts", "threshold", "books", "top", "scores", "timeline", "reading", "provenance"]
    tags = [tag for tag, _ in outline.tags]
    assert {tag: tags.count(tag) for tag in ("h1", "h2", "h3", "details", "svg", "desc", "figure", "time", "li")} == {
        "h1": 1,
        "h2": 8,
        "h3": 2,
        "details": 7,  # two windows, two folds, all tokens of one, the numbers of two charts
        "svg": 4,  # two meters, two charts
        "desc": 2,
        "figure": 2,
        "time": 14,
        "li": 23,  # 15 events, 1 reason about the whole window, 4 bars, 1 run, 2 inputs
    }
    assert outline.texts["h2"][3:] == [
        "The strangest 2 of 3 windows",
        "How the scores are spread",
        "When windows began, and which alert",
        "How to read this",
        "Where this comes from",
    ]


def test_each_chart_has_a_name_and_a_description() -> None:
    outline = Outline(render(report()))
    ids = {value for name, value in outline.attributes if name == "id"}
    labelled = [value for name, value in outline.attributes if name == "aria-labelledby"]
    assert labelled == ["scores-title scores-text", "times-title times-text"]
    assert {part for value in labelled for part in value.split()} <= ids
    assert len([1 for tag, names in outline.tags if tag == "svg" and {"aria-label", "aria-labelledby"} & set(names)]) == 4


def test_the_first_screen_says_what_was_read_what_alerts_and_what_the_threshold_means() -> None:
    page = render(report())
    assert text_of(page, "alerts").startswith("Alerts 1 of 3 windows")
    calibrated = "A window alerts from this score on: at most 5 false alerts a day, calibrated on 1,200 held-back normal windows."
    assert text_of(page, "threshold") == f"Threshold 0.5 {calibrated}"
    assert "read 20 = scored 15 + filtered 3 + dead-lettered 2 ✓ Every record that was read is accounted for." in text_of(
        page, "books"
    )


def test_unbalanced_books_are_marked() -> None:
    page = render(report(books=Books(read=20, scored=15)))
    assert 'class="card bad" id="books"' in page
    assert "read 20 ≠ scored 15" in text_of(page, "books")
    assert "✗ The books do not balance. 5 records read ended nowhere" in text_of(page, "books")
    assert 'class="card good" id="books"' in render(report())


def test_a_surprising_event_says_what_was_seen_and_what_was_expected_instead() -> None:
    page = render(report())
    row = page[page.index('<li class="event surprise">') :].split("</li>")[0]
    words = " ".join(re.sub(r"<[^>]+>", " ", row).split())
    assert words == "6 09:40:16 plain plain , 12 other keys were likelier seen plain expected instead plain plain"
    assert page.count('class="event surprise"') == 1


def test_the_threshold_line_is_drawn_where_the_threshold_is() -> None:
    page = render(report(histogram=Histogram((0.0, 0.25, 0.5, 0.75, 1.0), (2, 1, 0, 0), (0, 0, 1, 0)), threshold=0.5))
    assert re.findall(r'<line class="threshold" x1="([^"]+)" x2="([^"]+)"', page) == [("50%", "50%")]
    assert ">threshold 0.5</text>" in page


def test_no_windows_give_a_page_that_says_why() -> None:
    nothing = report(top=(), histogram=histogram([], [], 0.5), timeline=timeline([], []), books=Books())
    assert "nothing was read" in text_of(render(nothing), "top")
    assert "<figure>" not in render(nothing)
    undecodable = msgspec.structs.replace(nothing, books=Books(read=9, dead_lettered=9))
    assert "could not be decoded" in text_of(render(undecodable), "top")


def test_no_alerts_show_what_came_nearest() -> None:
    calm = report(top=report().top[1:], histogram=histogram([0.1, 0.3], [False, False], 0.5))
    page = render(calm)
    assert "No window reached the threshold." in text_of(page, "top")
    assert 'class="card found"' not in page


def test_alerts_that_are_not_listed_are_told() -> None:
    assert "not listed" not in text_of(render(report()), "top")
    many = report(histogram=histogram([0.6] * 9, [True] * 9, 0.5))
    assert "8 further alerts not listed here." in text_of(render(many), "top")


def test_strange_numbers_do_not_break_the_page() -> None:
    odd = report().top[0]
    top = tuple(
        msgspec.structs.replace(odd, value=value, p_value=value, time=time)
        for value in (float("nan"), float("inf"), -0.0, 1e308, 5e-324)
        for time in (None, -(2**62), 2**62, 10**30)
    )
    page = render(report(top=top, threshold=float("inf"), alerts_per_day=0.1))
    assert "at most one false alert in 10 days" in page
    assert "s since 1970" in page


def test_a_threshold_below_every_score_is_explained() -> None:
    told = text_of(render(report(threshold=float("-inf"), alerts_per_day=5.0)), "threshold")
    assert "Every window alerts: ordinary logs had no more windows a day than the budget of 5." in told


def test_the_same_content_gives_the_same_bytes() -> None:
    assert render(report("x")) == render(report("x"))


def test_writing_replaces_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write(report("größer \udcff"), path)
    assert path.read_text(encoding="utf-8") == render(report("größer \udcff"))
    assert os.listdir(tmp_path) == ["report.html"]


def test_writing_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "latest.html").symlink_to(tmp_path / "report.html")
    write(report(), tmp_path / "latest.html")
    assert (tmp_path / "latest.html").is_symlink()
    assert (tmp_path / "report.html").stat().st_size > 1000


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("missing/report.html", "there is no folder"),
        ("", "it is not a file"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path, place: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        write(report(), tmp_path / place)
    assert str(caught.value).startswith(f"the report cannot be written to {tmp_path / place}: ")
    assert os.listdir(tmp_path) == []


def test_a_device_is_not_replaced_by_a_file() -> None:
    with pytest.raises(UsageError, match="it is not a file"):
        write(report(), Path("/dev/null"))


def test_a_threshold_that_only_zero_stays_below_is_said_in_words() -> None:
    assert text_of(render(report(threshold=5e-324)), "threshold").startswith("Threshold just above 0 A window alerts from this")


def test_a_budget_that_the_windows_cannot_vouch_for_is_told() -> None:
    page = render(report(attainable=79.625))
    said = (
        "Only a window stranger than all 1,200 held-back normal windows alerts: they can vouch for no fewer than 79.6 false alerts a day, "
        "not for a budget of 5."
    )
    assert text_of(page, "threshold") == f"Threshold 0.5 {said}"
    assert "at most 79.6 false alerts a day (5 asked for)" in text_of(page, "provenance")
    assert render(report(attainable=5.0)) == render(report()), "a budget that is just attainable is as any other"


def test_verdicts_reached_under_another_threshold_are_told() -> None:
    page = render(report(judged_under=(0.25, 0.75)))
    assert "Not all verdicts here are those of the threshold 0.5: stored windows were judged under 0.25, 0.75 before." in page
    assert "Not all verdicts" not in render(report())
