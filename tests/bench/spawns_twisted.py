# The same as spawns.c, with Twisted's own spawnProcess; bench.bash runs it
# where Python has Twisted.
import time

from twisted.internet import epollreactor

epollreactor.install()
from twisted.internet import protocol, reactor

TIMES = 300


class Child(protocol.ProcessProtocol):
    left = TIMES

    def processEnded(self, reason):
        assert reason.value.exitCode == 0
        Child.left -= 1
        begin()


def begin():
    if Child.left == 0:
        reactor.stop()
    else:
        reactor.spawnProcess(
            Child(), "/bin/true", ["/bin/true"], childFDs={0: "w", 1: "r", 2: "r"}
        )


reactor.callWhenRunning(begin)
before = time.perf_counter()
reactor.run()
print("Twisted: spawnProcess\t%.1f" % ((time.perf_counter() - before) / TIMES * 1e6))
