from dataclasses import replace
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.integration


def raw(service, status="200", dyno="web.1", answer="-"):
    return f">p0000 {dyno} -- {answer} 0 {service} {status} 9 127.0.0.1 id - GET / HTTP/1.1 a.localhost -\n".encode()


def scraped(api):
    answer = api.call("GET", "/metrics", 200)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = [one for family in text_string_to_metric_families(answer.text) for one in family.samples]
    keys = [(one.name, tuple(sorted(one.labels.items()))) for one in samples]
    assert len(keys) == len(set(keys)), "the same sample twice"
    return samples


def value(samples, name, **labels):
    (found,) = [one.value for one in samples if one.name == name and labels.items() <= one.labels.items()]
    return found


def test_metrics_of_an_app(api, deployed):
    api.platform.traffic.observe(deployed, raw(20) * 3 + raw(-1, "503", "<NOSRV>", "crashed"))
    found = api.get(f"/apps/{deployed}/metrics")
    assert found["app"]["name"] == deployed
    assert found["time"] > 0
    assert found["requests"]["by_status"] == {"1xx": 0, "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 1, "none": 0}
    assert found["latency_ms"]["requests"] == 3
    assert found["latency_ms"]["p95"] == pytest.approx(20, abs=1)
    (web,) = found["processes"]
    assert (web["name"], web["state"], web["cpu_seconds"], web["restarts"]) == ("web.1", "up", 1.5, 0)
    assert (web["memory_bytes"], web["memory_quota_bytes"]) == (1 << 20, 512 << 20)
    assert web["latency_ms"]["p95"] == found["latency_ms"]["p95"]
    assert (found["cpu_seconds"], found["memory_bytes"]) == (1.5, 1 << 20)


def test_nothing_is_known_of_an_app_nobody_asks(api, app):
    found = api.get(f"/apps/{app}/metrics")
    assert found["processes"] == []
    assert found["latency_ms"] == {"requests": 0, "p50": None, "p95": None, "p99": None}


def test_metrics_of_no_app(api):
    assert api.get("/apps/nobody/metrics", 404)["resource"] == "app"


def test_metrics_of_everything(api, deployed):
    found = api.get("/_twelve/metrics")
    assert deployed in {app["app"]["name"] for app in found["apps"]}
    server = found["platform"][0]
    assert server["name"] == "server"
    assert server["memory_bytes"] > 1 << 20
    assert server["cpu_seconds"] > 0
    assert "postgres" in {one["name"] for one in found["platform"]}


def test_prometheus_can_read_it(api, deployed):
    api.platform.traffic.observe(deployed, raw(20) * 3 + raw(400))
    samples = scraped(api)
    assert value(samples, "twelve_app_requests_total", app=deployed, code_class="5xx") == 0
    assert value(samples, "twelve_request_duration_seconds_bucket", app=deployed, le="0.025") == 3
    assert value(samples, "twelve_request_duration_seconds_bucket", app=deployed, le="+Inf") == 4
    assert value(samples, "twelve_request_duration_seconds_sum", app=deployed) == pytest.approx(0.46)
    assert value(samples, "twelve_process_cpu_seconds_total", app=deployed, process="web.1") == 1.5
    assert value(samples, "twelve_process_start_time_seconds", app=deployed, process="web.1") == 1e9
    assert value(samples, "twelve_process_up", app=deployed, process="web.1") == 1
    assert value(samples, "twelve_platform_process_memory_bytes", process="server") > 1 << 20


def test_two_of_a_name_during_a_rollout_are_one_for_prometheus(api, deployed):
    engine = api.platform.engine
    (web,) = engine.processes(api.platform.apps.get(deployed).id)
    assert web.name == "web.1"
    (twin,) = engine.start([replace(engine.started[-1], id=uuid4())])
    try:
        scraped(api)
        assert len(api.get(f"/apps/{deployed}/metrics")["processes"]) == 2
    finally:
        engine.end(twin.id, 143)


def test_metrics_want_the_token(api):
    assert api.client.get("/metrics", headers={"Authorization": "Bearer no"}).status_code == 401
    assert api.client.get("/metrics?token=x", headers={"Authorization": ""}).status_code == 401
