"""What a detector sees of a visit, chosen so that visits to the same site look alike and a scanner's do not.

What was asked for and how it was answered come first, in fixed places, because a template tree is led by its first words; the
path, whose length differs, comes last. Agents count by their kind and pictures, styles and scripts by theirs: which robot or
which picture it was is new every day and says little, while a tool where browsers go, `POST` where only `GET` was, a parameter
that no page has, or one missing page after another says much. Status 200 and 304 are one answer.
"""

from __future__ import annotations

from logsentry.sdk import Field, Profile, SessionRule, Windowing

PROFILE = Profile(
    fields=(
        Field("http.request.method", absent="<no-method>"),
        Field("http.response.status_code", ("status-class",), absent="<no-status>"),
        Field("url.query", ("query-shape",), absent="<no-query>"),
        Field("user_agent.original", ("agent-class",), absent="<no-agent>"),
        Field("url.path", ("percent-decode", "path-parameters", "static-names"), absent="<no-path>"),
    ),
    windows=Windowing(session=SessionRule(key=("source.address",), gap_seconds=1800.0, max_events=64)),
    delimiters=("/",),
    exact_words=6,
    similarity=0.8,
)
