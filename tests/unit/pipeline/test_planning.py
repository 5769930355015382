"""What a person types becomes a plan, or one sentence about what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from logsentry.errors import UsageError
from logsentry.pipeline.build import make_source
from logsentry.pipeline.planning import options, plan_labelled, plan_training, rewindowed
from logsentry.schema.profile import CountRule, Field, Profile, SessionRule, TimeRule, Windowing

OWN_FORMAT = "$remote_addr|$time_iso8601|$status"
PROFILE = Profile((Field("url.path"),), Windowing(session=SessionRule(("source.address",))))


def test_settings_are_json_where_they_can_be() -> None:
    assert options(["members=25", "int8=true", "learning-rate=1e-3", "device=cpu"]) == {
        "members": 25, "int8": True, "learning_rate": 0.001, "device": "cpu",
    }  # fmt: skip


@pytest.mark.parametrize("setting", ["members", "=3", ""])
def test_a_setting_is_a_pair(setting: str) -> None:
    with pytest.raises(UsageError, match="KEY=VALUE"):
        options([setting])


@pytest.mark.parametrize(
    ("rule", "windows"),
    [
        ("session:900", Windowing(session=SessionRule(("source.address",), 900.0))),
        ("count:20:10", Windowing(count=CountRule(20, 10, ("source.address",)))),
        ("time:60:30", Windowing(time=TimeRule(60.0, 30.0, ("source.address",)))),
        ("single", Windowing()),
    ],
)
def test_a_window_rule_keeps_the_entity(rule: str, windows: Windowing) -> None:
    assert rewindowed(PROFILE, rule).windows == windows


@pytest.mark.parametrize("rule", ["", "count", "count:x:1", "session:1:2", "single:1", "hourly"])
def test_any_other_rule_is_refused(rule: str) -> None:
    with pytest.raises(UsageError, match="window rule"):
        rewindowed(PROFILE, rule)


def test_a_configuration_gives_the_profile(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "inputs: [{use: files, paths: [a]}]\nsource: {use: http-access, profile: {similarity: 0.5}}\n"
        "bundle: {store: s, name: n}\nexporters: [{use: ndjson, path: o}]\n"
    )
    plan = plan_training("http-access", "logbert-ensemble", ["a.log"], config=tmp_path / "c.yaml", window="single", seed=3)
    assert plan.profile is not None
    assert (plan.profile.similarity, plan.profile.windows, plan.seed) == (0.5, Windowing(), 3)
    with pytest.raises(UsageError, match="is about http-access"):
        plan_training("sysmon", "logbert-ensemble", ["a.log"], config=tmp_path / "c.yaml")


def test_a_configuration_gives_the_options_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "inputs: [{use: files, paths: [a]}]\n"
        f"source: {{use: http-access, time_zone: Europe/Rome, formats: ['{OWN_FORMAT}']}}\n"
        "bundle: {store: s, name: n}\nexporters: [{use: ndjson, path: o}]\n"
    )
    plan = plan_training("http-access", "counting", ["a.log"], config=tmp_path / "c.yaml")
    assert plan.source_options["formats"] == (OWN_FORMAT,)
    assert make_source("http-access", plan.source_options).profile == plan.profile
    labelled = plan_labelled("http-access", "encoder", [], ["b"], ["m"], config=tmp_path / "c.yaml", seed=3)
    assert (labelled.source_options, labelled.seed) == (plan.source_options, 3)
    assert plan_training("http-access", "counting", ["a.log"]).source_options == {}
