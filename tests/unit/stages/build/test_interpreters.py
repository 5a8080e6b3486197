from twelve.stages.build import interpreters


def test_a_place_on_the_path_that_nobody_may_look_at_is_passed_over(monkeypatch):
    monkeypatch.setenv("PATH", f"/{'x' * 300}/bin:/usr/bin")  # the kernel refuses such a name outright
    assert interpreters.own() in interpreters.at_hand()
