"""What questions about the past cost, and what they cost others. Python's standard library only.

    measure.py events FILE EVENTS CUSTOMERS        events in the form of examples/churn, the same on every run
    measure.py load ONEPATH PROJECT CLIENTS SECONDS [option of `onepath serve` ...]

`load` starts a server on a materialized project of such events, asks about the past of one customer after the other, and then asks
ordinary questions, first alone and then beside CLIENTS that ask about the past all the time.
"""

import datetime
import http.client
import json
import random
import socket
import subprocess
import sys
import threading
import time

CUSTOMERS = 100_000


def events(path, count, customers):
    numbers = random.Random(7)
    start = datetime.datetime(2023, 1, 1)
    kinds = ["purchase"] * 5 + ["view"] * 4 + ["return"]
    seconds = sorted(int(numbers.random() * 730 * 86_400) for _ in range(count))
    with open(path, "w") as out:
        out.write("customer_id,event_type,amount,event_timestamp\n")
        for second in seconds:
            kind = kinds[int(numbers.random() * 10)]
            customer = f"c{int(numbers.random() * customers):06d}"
            amount = 0.0 if kind == "view" else numbers.random() * 200
            at = (start + datetime.timedelta(seconds=second)).isoformat()
            out.write(f"{customer},{kind},{amount:.2f},{at}Z\n")


def connect(port):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.connect()
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def ask(client, numbers, past=None):
    """The status of a question about a customer, what the answer says of trying again, and the seconds that it took."""
    question = {"service": "churn_v1", "inputs": {"customer_id": [f"c{numbers.randrange(CUSTOMERS):06d}"]}}
    if past:
        question["as_of"] = past
    started = time.perf_counter()
    client.request("POST", "/v1/features", json.dumps(question))
    answer = client.getresponse()
    answer.read()
    return answer.status, answer.getheader("retry-after"), time.perf_counter() - started


def past_of(numbers):
    return f"2023-{numbers.randrange(1, 13):02d}-{numbers.randrange(1, 28):02d}T00:00:00Z"


def shown(seconds):
    seconds = sorted(seconds)
    if not seconds:
        return "none"
    at = lambda share: seconds[min(len(seconds) - 1, int(len(seconds) * share))] * 1_000
    return f"{len(seconds)} answers, p50 {at(0.5):.2f} ms, p99 {at(0.99):.2f} ms, the longest {seconds[-1] * 1_000:.2f} ms"


def ordinary(port, seconds):
    client, numbers, times, until = connect(port), random.Random(99), [], time.time() + seconds
    while time.time() < until:
        status, _, took = ask(client, numbers)
        assert status == 200, status
        times.append(took)
        time.sleep(0.002)
    return shown(times)


def ask_about_the_past(port, clients, seconds):
    times, refused, until = [], [], time.time() + seconds

    def loop(seed):
        client, numbers = connect(port), random.Random(seed)
        while time.time() < until:
            status, again, took = ask(client, numbers, past_of(numbers))
            if status == 200:
                times.append(took)
            else:
                refused.append(status)
                time.sleep(float(again or 1))

    threads = [threading.Thread(target=loop, args=(seed,)) for seed in range(clients)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(f"about the past: {shown(times)}; {len(refused)} refused")


def load(onepath, project, clients, seconds, options):
    command = [onepath, "serve", "--listen", "127.0.0.1:0", "--log", "error", *options]
    server = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().strip().rsplit(":", 1)[1])
        client, numbers = connect(port), random.Random(1)
        took = [ask(client, numbers, past_of(numbers))[2] for _ in range(20)]
        print(f"one about the past after the other: the first {took[0] * 1_000:.2f} ms; then {shown(took[1:])}")
        ordinary(port, 1)
        print(f"ordinary, alone: {ordinary(port, seconds)}")
        others = [sys.executable, __file__, "past", str(port), str(clients), str(seconds + 1)]
        others = subprocess.Popen(others)
        time.sleep(0.7)
        print(f"ordinary, beside {clients} about the past: {ordinary(port, seconds)}")
        others.wait()
    finally:
        server.terminate()
        server.wait()


match sys.argv[1:]:
    case ["events", path, count, customers]:
        events(path, int(count), int(customers))
    case ["load", onepath, project, clients, seconds, *options]:
        load(onepath, project, int(clients), float(seconds), options)
    case ["past", port, clients, seconds]:
        ask_about_the_past(int(port), int(clients), float(seconds))
    case _:
        sys.exit(__doc__)
