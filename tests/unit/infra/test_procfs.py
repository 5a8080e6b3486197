import os

from twelve.infra.procfs import keep_descriptors_to_ourselves


def test_what_a_server_inherited_goes_no_further():
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    keep_descriptors_to_ourselves()
    assert not os.get_inheritable(reading)
    assert os.get_inheritable(2)
    os.close(reading)
    os.close(writing)
