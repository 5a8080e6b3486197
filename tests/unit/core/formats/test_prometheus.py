import math

from prometheus_client.parser import text_string_to_metric_families

from twelve.core.formats.prometheus import Family, Histogram, dump


def read(text):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_labels_come_back_as_they_were():
    odd = 'a "quoted" \\ back\nslash'
    text = dump([Family("twelve_x_total", "counter", 'Help with \\ and\nnewline "q".', [({"app": odd}, 3)])])
    assert read(text) == {("twelve_x_total", (("app", odd),)): 3.0}
    assert text.count("\n") == 3


def test_numbers_come_back_as_they_were():
    values = [0, 1, 0.25, 1795367806.2543197, 2**60, 1e-9]
    text = dump([Family("twelve_y", "gauge", "Y.", [({"n": str(n)}, value) for n, value in enumerate(values)])])
    assert list(read(text).values()) == [float(value) for value in values]
    assert "e+" not in text


def test_a_sample_may_have_no_labels():
    assert dump([Family("up", "gauge", "Up.", [({}, 1)])]).endswith("\nup 1\n")


def test_a_histogram_ends_with_infinity_and_agrees_with_its_count():
    value = Histogram([(0.005, 2), (1.0, 5)], count=7, total=12.5)
    text = dump([Family("twelve_t_seconds", "histogram", "T.", [({"app": "a"}, value)])])
    (family,) = text_string_to_metric_families(text)
    assert family.type == "histogram"
    buckets = {float(s.labels["le"]): s.value for s in family.samples if s.name.endswith("_bucket")}
    assert buckets == {0.005: 2, 1.0: 5, math.inf: 7}
    rest = {s.name: s.value for s in family.samples if not s.name.endswith("_bucket")}
    assert rest == {"twelve_t_seconds_sum": 12.5, "twelve_t_seconds_count": 7}


def test_a_family_without_samples_still_parses():
    assert read(dump([Family("twelve_none_total", "counter", "None.", [])])) == {}
