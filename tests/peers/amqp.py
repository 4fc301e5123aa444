"""The documents' two programs with today's pika, for tests/peers/amqp.bats:

    amqp.py server|client PORT [HEARTBEAT]

They differ from the documents as pika has changed, and in that the client ends
at the end of its input. Bodies are bytes now.
"""
import os
import sys
import time
import uuid

import pika


def connect():
    heartbeat = int(sys.argv[3]) if len(sys.argv) > 3 else None
    return pika.BlockingConnection(pika.ConnectionParameters(
        host='127.0.0.1', port=int(sys.argv[2]), heartbeat=heartbeat))


def operate(body):
    result = os.popen(body).read()
    print("%s client execute \033[1;31;0m%s\033[0m result:\n%s" % (
        time.strftime('%Y-%m-%d %H:%M:%S'), body, result), flush=True)
    return result


def on_request(channel, method, props, body):
    response = operate(body.decode())
    channel.basic_publish(
        exchange='', routing_key=props.reply_to,
        properties=pika.BasicProperties(correlation_id=props.correlation_id),
        body=response)
    channel.basic_ack(delivery_tag=method.delivery_tag)


def server():
    channel = connect().channel()
    channel.queue_declare(queue='rpc_queue')
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume(queue='rpc_queue', on_message_callback=on_request)
    print("Server is waiting RPC requests...", flush=True)
    channel.start_consuming()


class OperateRpcClient(object):
    def __init__(self):
        self.connection = connect()
        self.channel = self.connection.channel()
        result = self.channel.queue_declare(queue='', exclusive=True)
        self.callback_queue = result.method.queue
        self.channel.basic_consume(queue=self.callback_queue, auto_ack=True,
                                   on_message_callback=self.on_response)

    def on_response(self, channel, method, props, body):
        if self.corr_id == props.correlation_id:
            self.response = body

    def call(self):
        self.response = None
        self.corr_id = str(uuid.uuid4())
        line = input("root@client>> ")
        self.channel.basic_publish(
            exchange='', routing_key='rpc_queue',
            properties=pika.BasicProperties(
                reply_to=self.callback_queue,
                correlation_id=self.corr_id),
            body=line)
        while self.response is None:
            self.connection.process_data_events(time_limit=None)
        return self.response.decode()


def client():
    print("This program use rabbitMQ send your OS command to server, your can "
          "use common command at here, enjoy it!\n\te.g.\n\t\t1.ls\n\t\t2.pwd"
          "\n\t\t3.free -m\n\t\t4.df -Th\n\t\t5.netstat -anplute")
    try:
        while True:
            print(OperateRpcClient().call())
    except EOFError:
        pass


{'server': server, 'client': client}[sys.argv[1]]()
