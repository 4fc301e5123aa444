# The echo server of Twisted itself; bench.bash runs it where Python has Twisted.
# It takes the same options: -p PORT, and prints the same line when it is ready.
import sys

from twisted.internet import protocol, reactor


class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class EchoFactory(protocol.Factory):
    protocol = Echo
    noisy = False


port = reactor.listenTCP(int(sys.argv[2]), EchoFactory(), interface="127.0.0.1")
print("listening on 127.0.0.1:%d" % port.getHost().port, flush=True)
reactor.run()
