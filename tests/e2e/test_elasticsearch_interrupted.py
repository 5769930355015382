"""Jobs over a real Elasticsearch that are ended in the middle, by SIGTERM or killed at 20 random points (200 in `tests/soak`).

What a job and those that go on after it have stored together is what one that nobody disturbed stores.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from random import Random

from elasticsearch import Elasticsearch
from services.disturbed import DEAD_LETTERED, Disturbed, undisturbed_job
from services.enrichment import Job, configure, kill_once
from services.passes import Ended, Passes
from services.proxy import Phase, Proxy, Request, Slow
from services.weblogs import check, own_index, plant, stored

KILLED_DOCUMENTS = 4_000
KILLS = 20
ENDED_WELL = (0, DEAD_LETTERED)


def test_sigterm_ends_a_pass_well_and_the_next_one_goes_on(disturbed: Disturbed) -> None:
    with Proxy(disturbed.url, lambda request: Slow(0.2) if request.bulk else None) as proxy:
        job = disturbed.job(proxy)
        ended = terminated(disturbed.passes, proxy, job, bulk=2)
        assert ended.code in ENDED_WELL, ended.err
        assert "read " in ended.err
        assert 0 < len(disturbed.found().scores) < len(disturbed.undisturbed.scores)
        assert disturbed.passes.run("enrich", job.config).code in ENDED_WELL
    disturbed.check(job)


def test_a_second_sigterm_ends_it_at_once_and_loses_nothing(disturbed: Disturbed) -> None:
    with Proxy(disturbed.url, lambda request: Slow(1.5) if request.bulk == 2 else None) as proxy:
        job = disturbed.job(proxy)
        ended = terminated(disturbed.passes, proxy, job, bulk=2, times=2)
        assert ended.code == 143, ended.err
        assert disturbed.passes.run("enrich", job.config).code in ENDED_WELL
    disturbed.check(job)


def terminated(passes: Passes, proxy: Proxy, job: Job, bulk: int, times: int = 1) -> Ended:
    """A pass that gets SIGTERM when it sends this bulk request."""

    def watch(request: Request, phase: Phase) -> None:
        if request.bulk == bulk and phase == "asked":
            for _ in range(times):
                running.signal(signal.SIGTERM)
                time.sleep(0.2)

    proxy.watch = watch
    running = passes.start("enrich", job.config)
    ended = running.wait()
    proxy.watch = lambda request, phase: None
    return ended


def test_killed_at_twenty_points_it_stores_what_an_undisturbed_job_stores(
    passes: Passes, elasticsearch: str, client: Elasticsearch, namespace: str, tmp_path: Path
) -> None:
    planted = plant(client, own_index(), KILLED_DOCUMENTS)
    undisturbed = undisturbed_job(passes, client, planted, elasticsearch, tmp_path / "undisturbed")
    chance, killed, started = Random(20), 0, 0
    with Proxy(elasticsearch) as proxy:
        job = configure(tmp_path, proxy.url, planted.index, namespace, reading={"page": 200})
        while killed < KILLS:
            killed += kill_once(passes, proxy, job, chance, phases=30)
            started += 1
            assert started < 4 * KILLS, "the job ends before it is killed: it has too little to do"
            if started % 6 == 0 and client.indices.exists(index=f"logs-logsentry.scores-{namespace}"):
                client.indices.rollover(alias=f"logs-logsentry.scores-{namespace}")
        assert passes.run("enrich", job.config).code in ENDED_WELL
    check(planted, stored(client, namespace), undisturbed, job.dead_letters)
    client.indices.delete(index=planted.index)
