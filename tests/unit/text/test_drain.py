from __future__ import annotations

import random
import subprocess
import sys
from types import SimpleNamespace

from drain3.drain import LogClusterCache

from logsentry.text.drain import Recent


def test_it_is_imported_without_what_drain3_needs_for_its_own_snapshots() -> None:
    code = (
        "import sys, logsentry.text.templates; print(sorted({'jsonpickle', 'redis', 'kafka', 'drain3'} & set(sys.modules)));"
        "import drain3; print(drain3.TemplateMiner.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "TemplateMiner"]


def test_recent_forgets_what_drain3s_cache_forgets() -> None:
    chance = random.Random(3)
    gone: list[int] = []
    ours, theirs = Recent(5, lambda cluster: gone.append(cluster.cluster_id)), LogClusterCache(maxsize=5)
    for number in range(400):
        known = list(ours)
        if known and chance.random() < 0.7:
            used = chance.choice(known)
            assert ours[used] is theirs[used]
            assert ours.get(chance.choice(known)) is not None
        else:
            cluster = SimpleNamespace(cluster_id=number)
            ours[number] = theirs[number] = cluster
        assert set(ours) == set(theirs)  # not its values(), which count as use
        assert [cluster.cluster_id for cluster in ours.values()] == list(ours)
    assert len(gone) == len(set(gone)) > 50
    assert not set(gone) & set(ours)
