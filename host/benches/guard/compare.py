"""Compares two builds of onepath: the half of guard.sh that measures. It takes a JSON object (see `main`) as its argument.

Both sides run the same workloads in turns: old, new, new, old, old, ... What counts is the processor time of onepath's own
process, user and system, and the instructions it retired in user space where the machine counts them. Wall time is not looked at.

Python's standard library only; Linux only, for the clock of another process.
"""
import contextlib, ctypes, datetime, hashlib, json, math, os, random, shutil, signal, socket, statistics, struct, subprocess, sys, tempfile, time

CUSTOMERS = 20_000
EVENTS_EACH = 20
WARM_UP_REQUESTS = 200
QUESTIONS = 8_000
PUSHES = 600
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)


class Failure(Exception):
    """A side that cannot be measured."""


class Instructions:
    """Counts instructions in user space of the processes that are started while it is open, through perf_event_open(2)."""

    CALL = {"x86_64": 298, "aarch64": 241}
    HARDWARE, INSTRUCTIONS = 0, 1
    # disabled, inherit, exclude_kernel, exclude_hv, enable_on_exec: this process counts nothing, and what it starts does.
    FLAGS = 1 << 0 | 1 << 1 | 1 << 5 | 1 << 6 | 1 << 12

    def __init__(self):
        attributes = struct.pack("=IIQQQQQIIQ", self.HARDWARE, 64, self.INSTRUCTIONS, 0, 0, 0, self.FLAGS, 0, 0, 0)
        call = self.CALL.get(os.uname().machine)
        syscall = ctypes.CDLL(None, use_errno=True).syscall
        self.file = -1 if call is None else syscall(call, ctypes.create_string_buffer(attributes, 64), 0, -1, -1, 8)

    def read(self):
        """The count so far, or None where the machine does not count."""
        return None if self.file < 0 else struct.unpack("=Q", os.read(self.file, 8))[0]

    def close(self):
        if self.file >= 0:
            os.close(self.file)


class Process:
    """A running onepath and what it has used."""

    def __init__(self, command, log):
        self.command, self.log = command, log
        self.counter = Instructions()
        with open(log, "wb") as errors:
            self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)

    def used(self):
        """CPU seconds and instructions so far."""
        # Linux's number for the CPU clock of another process, with the threads that have ended.
        return time.clock_gettime(~self.popen.pid << 3 | 2), self.counter.read()

    def finish(self):
        """Waits for the end; gives standard output, CPU seconds and instructions."""
        output = self.popen.stdout.read()
        _, status, usage = os.wait4(self.popen.pid, 0)
        self.popen.returncode = os.waitstatus_to_exitcode(status)
        instructions = self.counter.read()
        self.counter.close()
        if self.popen.returncode != 0:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                raise Failure(f"{' '.join(self.command)} ended with {self.popen.returncode}:\n{log.read()}")
        return output, (usage.ru_utime + usage.ru_stime, instructions)


class Side:
    """One of the two builds, with a project folder of its own."""

    def __init__(self, told, folder):
        self.name, self.onepath, self.folder = told["name"], told["onepath"], folder
        self.log = os.path.join(folder, "onepath.log")
        self.project = os.path.join(folder, "project")
        self.materialized = os.path.join(folder, "materialized")
        os.makedirs(os.path.join(self.project, "data"))
        with open(told["project"], encoding="utf-8") as file:
            lines = file.read().splitlines()
        places = [at for at, line in enumerate(lines) if line.startswith("transform = ")]
        if len(places) != 1:
            raise Failure(f"{told['project']} should name one transform, and names {len(places)}")
        lines[places[0]] = f"transform = {json.dumps(told['transform'])}"
        with open(os.path.join(self.project, "onepath.toml"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        # The source's file must be there; backfills bring their own, and `prepare_online` writes the history of the server.
        with open(os.path.join(self.project, "data", "events.csv"), "w", encoding="utf-8") as file:
            file.write("customer_id,event_type,amount,event_timestamp\n")
        built, _ = self.run("--format", "json", "build")
        if not built:
            raise Failure(f"{self.onepath} build printed nothing: is it onepath?")
        self.component = json.loads(built)[0]["component"]

    def run(self, *arguments):
        return self.start(*arguments).finish()

    def start(self, *arguments):
        return Process([self.onepath, "--project", self.project, *arguments], self.log)

    def prepare_online(self, history):
        """Folds the history into states, and keeps them to begin every round with."""
        shutil.copy(history, os.path.join(self.project, "data", "events.csv"))
        self.run("materialize")
        shutil.copytree(os.path.join(self.project, ".onepath"), self.materialized)

    @contextlib.contextmanager
    def serve(self):
        """A server on the states as they were materialized; its process ends with the block."""
        stores = os.path.join(self.project, ".onepath")
        shutil.rmtree(stores)
        shutil.copytree(self.materialized, stores)
        process = self.start("serve", "--listen", "127.0.0.1:0")
        try:
            line = process.popen.stdout.readline().decode()
            if "://" not in line:
                process.finish()
                raise Failure(f"{self.onepath} serve did not say where it listens, but: {line}")
            yield process, Client(line.split("://")[1].split()[0].rstrip("/"))
        finally:
            if process.popen.returncode is None:
                process.popen.kill()
                process.popen.wait()


class Client:
    """One connection, one request after the other."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, path, body):
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        reply = b""
        while b"\r\n\r\n" not in reply:
            reply += self.more()
        head, _, body = reply.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        lengths = [int(line.split(":")[1]) for line in lines if line.startswith("content-length:")]
        while lengths and len(body) < lengths[0]:
            body += self.more()
        if " 200 " not in lines[0] or not lengths:
            raise Failure(f"{path} answered {lines[0]}: {body.decode(errors='replace')}")
        return body

    def more(self):
        received = self.socket.recv(1 << 16)
        if not received:
            raise Failure("the server closed the connection")
        return received


class Backfill:
    """A training set from files; the whole process is measured, the mean of `runs` of them in a round, since short ones are noisy."""

    def __init__(self, files, extension, threads, runs):
        self.files, self.extension, self.threads, self.runs = files, extension, threads, runs

    def values(self, side):
        """The digest of the training set as CSV, whatever its Parquet looks like. Leaves the files in the page cache and their
        digests known."""
        out = os.path.join(side.folder, "values.csv")
        self.run(side, out)
        with open(out, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def measure(self, side):
        runs = [self.run(side, os.path.join(side.folder, "training.parquet")) for _ in range(self.runs)]
        return tuple(None if None in used else statistics.mean(used) for used in zip(*runs))

    def run(self, side, out):
        threads = ["--threads", str(self.threads)] if self.threads else []
        _, used = side.run("backfill", "--service", "churn_v1", "--source", f"events={self.files}/events.{self.extension}",
                           "--spine", f"{self.files}/spine.{self.extension}", "--as-of-column", "label_date", "--out", out, *threads)
        return used


class Requests:
    """Requests to a server; what it uses from the first of them to its end is measured, the start is not."""

    def __init__(self, requests, questions):
        self.requests, self.questions = requests, questions

    def values(self, side):
        """The digest of the answers to `questions`, asked after the requests."""
        digest = hashlib.sha256()
        with side.serve() as (process, client):
            for path, body in self.requests:
                client.post(path, body)
            for path, body in self.questions:
                answer = json.loads(client.post(path, body))
                values = [result["values"] for result in answer["results"]]
                digest.update(json.dumps([answer["metadata"]["feature_names"], values]).encode())
            process.popen.terminate()
            process.finish()
        return digest.hexdigest()

    def measure(self, side):
        with side.serve() as (process, client):
            for path, body in self.questions[:WARM_UP_REQUESTS]:
                client.post(path, body)
            before = process.used()
            for path, body in self.requests:
                client.post(path, body)
            process.popen.terminate()
            _, after = process.finish()
        return tuple(None if late is None else late - early for early, late in zip(before, after))


def write_history(path, now):
    """The history of the server: events of the twenty days before `now`, in the order of time.

    Every event is ten to fourteen hours away from a whole number of days before `now`, and all of them are in all windows of the
    churn features. So no answer changes in the hours after `now`, and the two sides can be compared at any of them. Window edges are
    compared by the backfills."""
    draw = random.Random(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("customer_id,event_type,amount,event_timestamp\n")
        for day in range(EVENTS_EACH, 0, -1):
            seconds = sorted(draw.uniform(-7_200, 7_200) for _ in range(CUSTOMERS))
            for second in seconds:
                at = now - day * DAY + 12 * HOUR + datetime.timedelta(seconds=second)
                kind = draw.choice(("purchase", "purchase", "view", "return"))
                file.write(f"c{draw.randrange(CUSTOMERS)},{kind},{draw.randrange(1_000_000) / 100},{moment(at)}\n")


def moment(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def question(draw, rows):
    customers = [f"c{draw.randrange(CUSTOMERS)}" for _ in range(rows)]
    return "/get-online-features", json.dumps({"feature_service": "churn_v1", "entities": {"customer_id": customers}}).encode()


def push(draw, rows, now):
    events = {"customer_id": [f"c{draw.randrange(CUSTOMERS)}" for _ in range(rows)], "event_type": ["purchase"] * rows,
              "amount": [draw.randrange(1_000_000) / 100 for _ in range(rows)], "event_timestamp": [moment(now)] * rows}
    return "/push", json.dumps({"push_source_name": "events", "df": events, "to": "online"}).encode()


def questions_workload():
    draw = random.Random(2)
    asked = [question(draw, 100 if number % 11 == 10 else 1) for number in range(QUESTIONS)]
    return Requests(asked, asked[::4])


def pushes_workload(now):
    draw = random.Random(3)
    pushed = [push(draw, 100 if number % 2 else 1, now) for number in range(PUSHES)]
    return Requests(pushed, [question(draw, 100) for _ in range(2 * WARM_UP_REQUESTS)])


def bounds(ratios):
    """A one-sided 95% bound below and above the median ratio, from the order of the rounds alone (the sign test)."""
    count = len(ratios)
    tail, cut = 0.5**count, 0
    while tail <= 0.05:
        cut += 1
        tail += math.comb(count, cut) * 0.5**count
    ordered = sorted(ratios)
    return (ordered[cut - 1], ordered[count - cut]) if cut else (0.0, math.inf)


def compare(workload, measure, rounds, ratio_max):
    """One row of the table, from the pairs (old, new) of all rounds."""
    ratios = [new / old for old, new in rounds]
    ratio, (low, high) = statistics.median(ratios), bounds(ratios)
    verdict = "ok"
    if ratio > ratio_max:
        verdict = "slower" if low > 1 else "unclear"
    elif ratio < 1 / ratio_max and high < 1:
        verdict = "faster"
    return {"workload": workload, "measure": measure, "old": statistics.median(old for old, _ in rounds),
            "new": statistics.median(new for _, new in rounds), "ratio": ratio, "ratio_min": min(ratios), "ratio_max": max(ratios),
            "verdict": verdict, "rounds": rounds}


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(name, workload, sides, told):
    """All rounds of one workload; gives its rows, and whether both sides gave the same values."""
    say(f"guard: {name}: values")
    digests = [workload.values(side) for side in sides]
    taken = []
    for number in range(told["rounds"]):
        say(f"guard: {name}: round {number + 1} of {told['rounds']}")
        order = (0, 1) if number % 2 == 0 else (1, 0)
        used = {at: workload.measure(sides[at]) for at in order}
        taken.append((used[0], used[1]))
    rows = []
    for at, what in enumerate(("CPU seconds", "instructions")):
        rounds = [(old[at], new[at]) for old, new in taken]
        if all(value for pair in rounds for value in pair):
            rows.append(compare(name, what, rounds, told["ratio_max"]))
    return rows, digests[0] == digests[1]


def show(value, what):
    return f"{value / 1e9:.3f}e9" if what == "instructions" else f"{value:.3f}"


def table(rows):
    lines = [("workload", "measure", "old", "new", "new / old", "rounds", "verdict")]
    for row in rows:
        spread = f"{row['ratio_min']:.3f} to {row['ratio_max']:.3f}"
        lines.append((row["workload"], row["measure"], show(row["old"], row["measure"]), show(row["new"], row["measure"]),
                      f"{row['ratio']:.3f}", spread, row["verdict"]))
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def run(told, folder):
    now = datetime.datetime.now(datetime.timezone.utc)
    sides = []
    for name in ("old", "new"):
        os.makedirs(os.path.join(folder, name))
        sides.append(Side(told[name], os.path.join(folder, name)))
    if sides[0].component != sides[1].component:
        say("guard: the churn component differs between the two sides")
    workloads = {
        "M": lambda: Backfill(f"{told['data']}/M", "parquet", told["threads"], 5),
        "L": lambda: Backfill(f"{told['data']}/L", "parquet", told["threads"], 1),
        "csv": lambda: Backfill(f"{told['data']}/M", "csv", told["threads"], 2),
        "questions": questions_workload,
        "pushes": lambda: pushes_workload(now),
    }
    if {"questions", "pushes"} & set(told["only"]):
        history = os.path.join(folder, "history.csv")
        write_history(history, now)
        for side in sides:
            side.prepare_online(history)
    rows, different = [], []
    for name in told["only"]:
        measured, is_same = measure(name, workloads[name](), sides, told)
        rows += measured
        different += [] if is_same else [name]
    return sides, rows, different


def main():
    # old, new: {name, onepath, transform, project}; data: the folder of M and L; only: workloads; rounds; ratio_max; threads (0:
    # onepath's own default); allow_different; format.
    told = json.loads(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="run.", dir=told["scratch"]) as folder:
            sides, rows, different = run(told, folder)
    except (Failure, OSError, ValueError, LookupError) as failure:
        # Not 1, which Python would exit with and which means slower.
        say(f"guard: cannot compare: {failure}")
        sys.exit(2)
    slower = any(row["verdict"] == "slower" for row in rows)
    if told["format"] == "json":
        components = {name: side.component for name, side in zip(("old", "new"), sides)}
        print(json.dumps({"old": told["old"]["name"], "new": told["new"]["name"], "components": components, "ratio_max": told["ratio_max"],
                          "different_values": different, "rows": rows}, indent=2))
    else:
        print(f"old: {told['old']['name']}\nnew: {told['new']['name']}\n")
        print(table(rows))
        if not any(row["measure"] == "instructions" for row in rows):
            print("\nThis machine does not count instructions: CPU time only.")
        if any(row["verdict"] == "unclear" for row in rows):
            print(f"\nunclear: above {told['ratio_max']:g}, but within the noise of these rounds; repeat with more --rounds.")
        if different:
            print(f"\nThe values differ on: {', '.join(different)}")
    sys.exit(1 if slower or (different and not told["allow_different"]) else 0)


if __name__ == "__main__":
    main()
