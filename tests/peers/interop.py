# SPDX-License-Identifier: MIT
"""Real Twisted, for interop.bats:

    interop.py NAME_server [PATH]        says where it listens, and stays
    interop.py NAME_client PORT|PATH     prints what it gets, and ends

The programs of the documents are here in the words of Python 3.
"""
import hashlib, json, sys

from twisted.internet import defer, error, protocol, reactor, task, threads
from twisted.protocols import basic
from twisted.python import log
from twisted.web import resource, server, static
from twisted.web.client import Agent, HTTPConnectionPool, readBody


def serve(kind, make=protocol.Factory, path=None):
    factory = make()
    factory.protocol = factory.protocol or kind
    port = (reactor.listenUNIX(path, factory) if path
            else reactor.listenTCP(0, factory, interface="127.0.0.1"))
    print("listening on 127.0.0.1:%s" % getattr(port.getHost(), "port", path))
    reactor.run()


def call(where, *kinds):
    left = list(kinds)

    class Factory(protocol.ClientFactory):
        def clientConnectionFailed(self, connector, reason):
            print(reason.getErrorMessage())
            reactor.stop()

        def clientConnectionLost(self, connector, reason):
            print(reason.getErrorMessage())
            left.pop()
            left or reactor.stop()

    for kind in kinds:
        if where.isdigit():
            reactor.connectTCP("127.0.0.1", int(where), Factory.forProtocol(kind))
        else:
            reactor.connectUNIX(where, Factory.forProtocol(kind))
    reactor.run()


# --- the documents' Echo, EchoClient, SimpleProtocol and Sender


class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class EchoClient(protocol.Protocol):
    said, back = b"hello!" + bytes(1 << 20), b""

    def connectionMade(self):
        self.transport.write(self.said)

    def dataReceived(self, data):
        self.back += data
        if len(self.back) == len(self.said):
            print("the same:", self.back == self.said)
            self.transport.loseConnection()


class SimpleProtocol(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(b"Hello")

    def dataReceived(self, data):
        print(data.decode())

    def connectionLost(self, reason):
        print("disconnected\n%s" % reason.getErrorMessage())


class Sender(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        print("DATA", data.decode())
        self.transport.loseConnection()


def echo_server(path=None):
    serve(Echo, path=path)


def echo_client(where):
    call(where, EchoClient)


def hello_server():
    serve(SimpleProtocol)


def hello_client(where):
    call(where, Sender)


# --- datagrams


class Questions(protocol.ConnectedDatagramProtocol, protocol.DatagramProtocol):
    def __init__(self, port):
        self.port, self.said = port, [b"\xff" * 1400, b"two", b"one"]

    def startProtocol(self):
        if self.port:
            self.transport.connect("127.0.0.1", self.port)
            self.said.insert(0, b"")
        self.transport.write(self.said[-1])

    def datagramReceived(self, data, address=None):
        print(len(data), data[:3])
        self.said.pop()
        self.transport.write(self.said[-1]) if self.said else reactor.stop()


def datagram_client(where):
    if where.isdigit():
        reactor.listenUDP(0, Questions(int(where)))
    else:
        reactor.connectUNIXDatagram(where, Questions(0), bindAddress=where + "-")
    reactor.run()


class EchoDatagrams(protocol.DatagramProtocol):
    def datagramReceived(self, data, address):
        self.transport.write(data, address)


def datagram_server(path):
    reactor.listenUNIXDatagram(path, EchoDatagrams())
    port = reactor.listenUDP(0, EchoDatagrams(), interface="127.0.0.1")
    print("listening on 127.0.0.1:%d" % port.getHost().port)
    reactor.run()


# --- strings with their lengths: netstrings, and numbers of 8, 16, 32 bits

RECEIVERS = {
    "netstring": basic.NetstringReceiver,
    "1": basic.Int8StringReceiver,
    "2": basic.Int16StringReceiver,
    "4": basic.Int32StringReceiver,
}


def strings_server(kind):
    class EchoStrings(RECEIVERS[kind]):
        def stringReceived(self, string):
            self.sendString(string)

    serve(EchoStrings)


def strings_client(where, kind):
    said = [b"x" * 250, b"", b"\0\r\n"] * 1000
    back = []

    class Strings(RECEIVERS[kind]):
        def connectionMade(self):
            for string in said:
                self.sendString(string)

        def stringReceived(self, string):
            back.append(string)
            if len(back) == len(said):
                print("the same:", back == said)
                self.transport.loseConnection()

    call(where, Strings)


# --- lines: a chat, an upload, the document's command server


class Speaker(basic.LineReceiver):
    def connectionMade(self):  # the other one may not be there yet
        self.again = task.LoopingCall(self.sendLine, b"hello")
        self.again.start(0.01)

    def lineReceived(self, line):
        self.again.stop()
        self.transport.loseConnection()


class Listener(basic.LineReceiver):
    def lineReceived(self, line):
        print(line.decode().split("> ")[1])
        self.sendLine(b"bye")
        self.transport.loseConnection()


def chat_client(where):
    call(where, Listener, Speaker)


class PutServer(basic.LineReceiver):
    def connectionMade(self):
        self.transport.write(b"hello")

    def lineReceived(self, line):
        self.task, self.got = json.loads(line), b""
        self.transport.write(b'{"status": 200}')
        self.setRawMode()

    def rawDataReceived(self, data):
        self.got += data
        if len(self.got) == self.task["filesize"]:
            with open(self.task["filename"] + ".real", "wb") as file:
                file.write(self.got)
            self.transport.write(b"recv success")
            self.setLineMode()


class PutClient(basic.LineReceiver):
    def connectionMade(self):
        self.setRawMode()
        with open("file", "rb") as file:
            data = file.read()
        header = {"action": "put", "filename": "file", "filesize": len(data)}
        self.sendLine(json.dumps(header).encode())
        self.transport.write(data)

    def rawDataReceived(self, data):
        data.endswith(b"recv success") and self.transport.loseConnection()


def put_server():
    serve(PutServer)


def put_client(where):
    call(where, PutClient)


class CmdProtocol(basic.LineReceiver):
    delimiter = b"\n"

    def write(self, text):
        self.transport.write(text.encode())

    def processCmd(self, line):
        if line.startswith("comphash"):
            try:
                useless, path = line.split(" ")
            except ValueError:
                self.write("Please provide a path.\n")
                return
            d = threads.deferToThread(self.compute, path)
            d.addCallback(lambda hash: self.write("File hash is : %s\n" % hash))
            d.addErrback(lambda failure: self.write(
                "An error occured : %s\n" % failure.getErrorMessage()))
        elif line.startswith("exit"):
            self.transport.loseConnection()
        else:
            self.write("Command not found.\n")

    def compute(self, path):
        with open(path, "rb") as file:
            return hashlib.sha1(file.read()).hexdigest()

    def connectionMade(self):
        self.client_ip = self.transport.getPeer().host
        log.msg("Client connection from %s" % self.client_ip)

    def connectionLost(self, reason):
        log.msg("Lost client connection. Reason: %s" % reason.getErrorMessage())

    def lineReceived(self, line):
        text = line.decode().replace("\r", "\\r")
        log.msg("Cmd received from %s : %s" % (self.client_ip, text))
        self.processCmd(line.decode())


class MyFactory(protocol.ServerFactory):
    pass


def cmd_server():
    log.startLogging(sys.stdout)
    serve(CmdProtocol, MyFactory)


# --- pages


class Chunks(resource.Resource):
    isLeaf = True

    def render_GET(self, request):
        for piece in b"one ", b"two":
            reactor.callLater(0.01, request.write, piece)
        reactor.callLater(0.02, request.finish)
        return server.NOT_DONE_YET


def web_server(folder):
    root = static.File(folder)
    root.putChild(b"chunks", Chunks())
    serve(None, lambda: server.Site(root))


@defer.inlineCallbacks
def fetch(reactor, where):
    agent = Agent(reactor, pool=HTTPConnectionPool(reactor))
    for method in b"GET", b"HEAD":
        for path in "numbers", "empty", "none":
            url = "http://127.0.0.1:%s/%s" % (where, path)
            response = yield agent.request(method, url.encode())
            body = yield readBody(response)
            print(method, path, response.version[1:], response.code)
            if response.code == 200:  # each words its own refusals
                print(response.length, hashlib.sha1(body).hexdigest())
    yield agent._pool.closeCachedConnections()


def web_client(where):
    task.react(fetch, [where])


# --- why connections end


def reasons(*names):
    for name in names:
        print(name, str(getattr(error, name)()).rstrip("."))


# --- Echo and EchoClient over TLS, for the tests of chapter 6's room


def ssl_server(certificate):
    from twisted.internet import ssl
    factory = protocol.Factory.forProtocol(Echo)
    context = ssl.DefaultOpenSSLContextFactory(certificate, certificate)
    port = reactor.listenSSL(0, factory, context, interface="127.0.0.1")
    print("listening on 127.0.0.1:%d" % port.getHost().port, flush=True)
    reactor.run()


def ssl_client(port, authority):
    from twisted.internet import ssl

    class Factory(protocol.ClientFactory):
        protocol = EchoClient

        def clientConnectionFailed(self, connector, reason):
            print(reason.getErrorMessage())
            reactor.stop()

        clientConnectionLost = clientConnectionFailed

    with open(authority) as file:
        trust = ssl.Certificate.loadPEM(file.read())
    options = ssl.optionsForClientTLS("localhost", trustRoot=trust)
    reactor.connectSSL("127.0.0.1", int(port), Factory(), options)
    reactor.run()


globals()[sys.argv[1]](*sys.argv[2:])
