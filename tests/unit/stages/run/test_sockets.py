from twelve.stages.run.local.sockets import Listener, parse

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0FAC 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 101 1 0 100 0 0 10 0
   1: 00000000:4E20 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 102 1 0 100 0 0 10 0
   2: 0100007F:4E20 0100007F:D431 01 00000000:00000007 00:00000000 00000000  1000        0 103 1 0 20 4 30 10 -1
   3: 00000000:4E21 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 104 1 0 100 0 0 10 0
"""
TABLE_6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 201 1 0 100 0 0 10 0
"""


def test_the_accept_queue_of_each_listener():
    assert list(parse(TABLE.splitlines())) == [
        Listener("0100007F", 4012, 0, 101),
        Listener("00000000", 20000, 3, 102),
    ]


def test_reading_ends_at_the_first_connection():
    """The kernel prints listeners first; what follows may be long."""
    assert 20001 not in {listener.port for listener in parse(TABLE.splitlines())}


def test_ipv6():
    (listener,) = parse(TABLE_6.splitlines())
    assert listener == Listener("00000000000000000000000001000000", 8080, 1, 201)
    assert listener.loopback_only


def test_who_is_reachable_from_elsewhere():
    assert [listener.loopback_only for listener in parse(TABLE.splitlines())] == [True, False]
