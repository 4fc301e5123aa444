# The same as callbacks.c, with Twisted's own Deferreds; bench.bash runs it
# where Python has Twisted.
import time

from twisted.internet.defer import Deferred

TIMES = 200000


def add_one(value):
    return value + 1


def chains_of(length):
    total = 0
    before = time.process_time_ns()
    for _ in range(TIMES // length):
        d = Deferred()
        for _ in range(length):
            d.addCallback(add_one)
        d.callback(0)
        total += d.result
    assert total == TIMES
    return (time.process_time_ns() - before) / TIMES


print("Twisted: callback, 1,000 in a chain\t%.1f" % chains_of(1000))
print("Twisted: callback, 4 in a chain, made and freed\t%.1f" % chains_of(4))
