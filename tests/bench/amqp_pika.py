# The same as amqp.c, with pika: amqp_pika.py PORT LABEL; bench.bash runs it where
# Python has pika. The worker is a process of its own, for pika blocks.
import os
import resource
import sys
import time

import pika

CALLS, WARM = 2000, 100


def connect():
    return pika.BlockingConnection(pika.ConnectionParameters(
        host='127.0.0.1', port=int(sys.argv[1]), heartbeat=0))


def work(ready):
    channel = connect().channel()
    channel.queue_declare(queue='bench-pika')

    def on_request(channel, method, props, body):
        channel.basic_publish(
            exchange='', routing_key=props.reply_to, body=body,
            properties=pika.BasicProperties(
                correlation_id=props.correlation_id))
        channel.basic_ack(delivery_tag=method.delivery_tag)

    channel.basic_consume(queue='bench-pika', on_message_callback=on_request)
    os.write(ready, b'x')
    channel.start_consuming()


def processor_time():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def worker_time(pid):
    fields = open('/proc/%d/stat' % pid).read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


ready, tell = os.pipe()
pid = os.fork()
if pid == 0:
    try:
        work(tell)
    finally:
        os._exit(0)
os.read(ready, 1)
connection = connect()
channel = connection.channel()
queue = channel.queue_declare(queue='', exclusive=True).method.queue
answers = []
channel.basic_consume(queue=queue, auto_ack=True, on_message_callback=(
    lambda channel, method, props, body: answers.append(body)))
for i in range(WARM + CALLS):
    if i == WARM:
        began, cpu = time.monotonic(), processor_time() + worker_time(pid)
    channel.basic_publish(
        exchange='', routing_key='bench-pika', body=b'echo hello'.ljust(64),
        properties=pika.BasicProperties(reply_to=queue, correlation_id=str(i)))
    while not answers:
        connection.process_data_events(time_limit=None)
    answers.clear()
took = time.monotonic() - began
cpu = processor_time() + worker_time(pid) - cpu
os.kill(pid, 9)
os.waitpid(pid, 0)
channel.queue_delete('bench-pika')
connection.close()
print('%s\t%.1f\n%s, processor\t%.1f' % (
    sys.argv[2], took / CALLS * 1e6, sys.argv[2], cpu / CALLS * 1e6))
