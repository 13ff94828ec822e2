"""What is exported, of one worker and of several, and the dashboard over it."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from serving.watching.metrics import FOLDER_VARIABLE, Metrics, of_all_workers

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana.json"
NAME = re.compile(r"recsys_[a-z_]+")
WORKER = """
import sys, time
from serving.watching.metrics import Metrics
metrics = Metrics()
metrics.lists.labels("champion").inc(int(sys.argv[1]))
metrics.note_versions({"champion": "v1"})
metrics.note_versions({"champion": "v2"})
metrics.offset.set(int(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""


def exported() -> set[str]:
    """Every name that a query may ask for."""
    metrics = Metrics()
    names = set(metrics.names)
    suffixes = ("_total", "_bucket", "_sum", "_count")
    return names | {f"{name}{suffix}" for name in names for suffix in suffixes}


def test_the_dashboard_asks_for_what_is_exported() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = {name for query in queries for name in NAME.findall(query)}
    assert asked <= exported(), asked - exported()
    bare = {re.sub("_(total|bucket|sum|count)$", "", name) for name in asked}
    assert bare == Metrics().names, "every metric is on the dashboard"
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_two_workers_asked_at_once_both_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both find the files of one that is gone; one of them is the second to remove them."""
    removed = [tmp_path / "gauge_livesum_4194999.db"]
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: removed)
    assert of_all_workers(tmp_path) == b""


def test_metrics_of_workers_are_added_up(tmp_path: Path) -> None:
    environment = {**os.environ, FOLDER_VARIABLE: str(tmp_path)}
    command = [sys.executable, "-c", WORKER]
    workers = [
        subprocess.Popen([*command, count], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        for count in ("3", "4")
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
    text = of_all_workers(tmp_path).decode()
    assert 'recsys_lists_total{variant="champion"} 7.0' in text
    assert 'recsys_model_info{variant="champion",version="v2"} 2.0' in text
    assert 'recsys_model_info{variant="champion",version="v1"} 0.0' in text
    assert "recsys_events_seen_offset 3.0" in text
    workers[0].kill()
    for worker in workers[:1]:
        worker.communicate()
    text = of_all_workers(tmp_path).decode()
    assert 'recsys_lists_total{variant="champion"} 7.0' in text, "what was counted stays"
    assert 'recsys_model_info{variant="champion",version="v2"} 1.0' in text
    assert "recsys_events_seen_offset 4.0" in text
    workers[1].communicate()


def test_what_all_workers_counted_is_not_read_on_the_event_loop(
    reading: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    render = Metrics.render

    def told(metrics: Metrics) -> bytes:
        threads.append(threading.current_thread().name)
        return render(metrics)

    monkeypatch.setattr(Metrics, "render", told)
    assert reading.get("/metrics").status_code == 200
    assert [name.partition("_")[0] for name in threads] == ["reading"]
