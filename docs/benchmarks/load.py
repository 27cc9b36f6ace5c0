#!/usr/bin/env python3
"""Interleaved pairs of load generators against one server, for docs/benchmarks/load.sh.

    load.py table|rates|steps|engines|memory|tls|http2 HARNESS BENCH TOOLS [PAIRS] [SECONDS]

Each pair runs the harness and one peer in turn (the order alternates), pinned to one core, the server on another. Counted
are processor seconds (user and system, of the whole process tree) for a million requests that the server saw. A pair
in which anything else used more than 5 % of a core is dropped, and said.
"""
import json, os, shlex, socket, statistics, subprocess, sys, tempfile, time

TICK = os.sysconf("SC_CLK_TCK")
SERVER_CORE, TOOL_CORE = "0", "1"

def busy():
    fields = [int(n) for n in open("/proc/stat").readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK

def used_by(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK

def ask(port, path):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        return s.recv(65536).decode().split("\r\n\r\n", 1)[1]

class Server:
    def __init__(self, bench):
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, f"{bench}/server", "0"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
    def reset(self):
        ask(self.port, "/reset")
    def seen(self):
        return int(ask(self.port, "/count"))
    def end(self):
        self.process.kill(); self.process.wait()

def run(server, command, environment=None):
    """Processor seconds, requests seen, share of a core that others used, wall seconds, what was printed."""
    server.reset()
    others, own, begun = busy(), used_by(server.process.pid), time.monotonic()
    child = subprocess.Popen(["taskset", "-c", TOOL_CORE, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
    said = child.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begun
    cpu = usage.ru_utime + usage.ru_stime
    share = (busy() - others - (used_by(server.process.pid) - own) - cpu) / wall
    return {"cpu": cpu, "seen": server.seen(), "others": share, "wall": wall, "said": said, "memory": usage.ru_maxrss,
            "server": (used_by(server.process.pid) - own) / wall}

def quartiles(values):
    if len(values) < 2:
        return (values[0],) * 3
    q = statistics.quantiles(values, n=4, method="inclusive")
    return q[0], statistics.median(values), q[2]

def shown(values):
    low, middle, high = quartiles(values)
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"

def pairs(server, name, ours, peer, many, per=1.0, limit=0.05):
    rows, dropped, tries = [], 0, 0
    while len(rows) < many and tries < many * 3:
        tries += 1
        order = [("ours", ours), ("peer", peer)]
        if tries % 2 == 0:
            order.reverse()
        both = {which: run(server, command) for which, command in order}
        if any(r["others"] > limit for r in both.values()):
            dropped += 1
            print(f"  dropped: others used {max(r['others'] for r in both.values()):.0%} of a core", file=sys.stderr)
            continue
        if any(r["seen"] < 1000 for r in both.values()):
            sys.exit(f"{name}: too few requests\n" + "\n".join(r["said"] for r in both.values()))
        rows.append({which: (r["cpu"] / r["seen"] * 1e6 * per, r["server"]) for which, r in both.items()})
    if not rows:
        print(f"| {name} | every pair dropped ({dropped}) | | | |", flush=True)
        return
    ours, peer = [r["ours"][0] for r in rows], [r["peer"][0] for r in rows]
    ratio = [a / b for a, b in zip(ours, peer)]
    print(f"| {name} | {shown(ours)} | {shown(peer)} | {shown(ratio)} | {len(rows)}, {dropped} dropped; server {max(r['ours'][1] for r in rows):.0%} |", flush=True)

def main():
    what, harness, bench, tools = sys.argv[1:5]
    many = int(sys.argv[5]) if len(sys.argv) > 5 else 10
    seconds = sys.argv[6] if len(sys.argv) > 6 else "4"
    limit = float(os.environ.get("OTHERS", "0.05"))
    only = os.environ.get("ONLY", "")
    server = Server(bench)
    url = f"http://127.0.0.1:{server.port}/"
    split = lambda text: shlex.split(text)
    closed = split(f"{harness} load {url} -c 64 -z {seconds}s -t 1 --format json {os.environ.get('FLAGS', '')}")
    at = lambda rate: split(f"{harness} load {url} -c 64 -z {seconds}s -t 1 --rate {rate}/s --format json {os.environ.get('FLAGS', '')}")
    try:
        if what == "table":
            print("| load | harness | peer | ratio | pairs |\n|---|---|---|---|---|")
            table = [
                ("closed, beside wrk", closed, split(f"wrk -t1 -c64 -d{seconds} --latency {url}")),
                ("closed, beside oha", closed, split(f"{tools}/oha --no-tui -c 64 -z {seconds}s {url}")),
                ("closed, beside hey", closed, split(f"env GOMAXPROCS=1 hey -cpus 1 -c 64 -z {seconds}s {url}")),
                ("closed, beside h2load over HTTP/1.1", closed, split(f"h2load --h1 -t1 -c64 -D {seconds} {url}")),
                ("open 20 000/s, beside the bare paced sender", at(20000), split(f"{bench}/paced 127.0.0.1:{server.port} 20000 {seconds}")),
                ("open 20 000/s, beside oha -q", at(20000), split(f"{tools}/oha --no-tui -c 64 -q 20000 -z {seconds}s {url}")),
            ]
            if os.path.exists(f"{bench}/goose-peer"):
                table.append(("closed, beside goose", closed, split(f"{bench}/goose-peer {url} 64 {seconds}s")))
            for name, ours, peer in table:
                if only in name:
                    pairs(server, name, ours, peer, many, limit=limit)
        elif what == "rates":
            print("| rate | tool | gap error p50 µs | p99 µs | 10 ms buckets more than 5 % off | mean rate |\n|---|---|---|---|---|---|")
            for rate in (5000, 20000):
                commands = {"harness": at(rate), "oha": split(f"{tools}/oha --no-tui -c 64 -q {rate} -z {seconds}s {url}")}
                seen = {tool: [] for tool in commands}
                dropped = 0
                for _ in range(many):
                    for tool, command in commands.items():
                        result = run(server, command)
                        if result["others"] > limit:
                            dropped += 1
                            continue
                        seen[tool].append(json.loads(ask(server.port, f"/arrivals?{rate}")))
                for tool, all_of in seen.items():
                    if all_of:
                        figure = lambda key, by=1: shown([one[key] * by for one in all_of])
                        print(f"| {rate}/s | {tool} | {figure('p50_us')} | {figure('p99_us')} | {figure('bad', 100)} % | {figure('mean')} |", flush=True)
                print(f"  runs dropped: {dropped}", file=sys.stderr)
        elif what == "steps":
            print("| load | harness | wrk | ratio | pairs |\n|---|---|---|---|---|")
            with tempfile.TemporaryDirectory() as suite:
                steps_suite(suite, url, seconds)
                # The harness keeps its runs below the suite, so it is run there.
                ours = ["env", "-C", suite, os.path.abspath(harness), "run", "load", "--format", "json"]
                pairs(server, "two steps with captures and JSON expectations", ours, split(f"wrk -t1 -c64 -d{seconds} --latency {url}order"), many, limit=limit)
        elif what == "engines":
            engines(harness, server, url, many, seconds, limit)
        elif what == "memory":
            memory(harness, server, url)
        elif what in ("tls", "http2"):
            beside_nginx(what, harness, many, seconds, limit)
    finally:
        server.end()

STEP = """title = "An order is read twice"

[[step]]
name = "list"
get = "/order"
expect = ["status == 200", "$.state == 'open'"]
capture = { order = "$.id" }

[[step]]
name = "read"
get = "/order/{{ order }}"
expect = ["status == 200", "$.id == '{{ order }}'"]
"""

def steps_suite(folder, url, seconds, more="connections = 64"):
    os.makedirs(f"{folder}/scenarios/journeys")
    write = lambda path, text: open(f"{folder}/{path}", "w").write(text)
    write("harness.toml", f"[project]\nname = \"steps\"\n[target]\nmode = \"external\"\nurl = \"{url.rstrip('/')}\"\n")
    write("scenarios/journeys/orders.toml", STEP)
    write("scenarios/load.toml", f"""title = "Two steps"
[load]
model = "closed"
users = 64
for = "{seconds}s"
cookies = "journey"
mix = {{ orders = 1 }}
{more}
[[gate]]
name = "no errors"
expect = "error_rate < 0.1%"
""")

def engines(harness, server, url, many, seconds, limit):
    """The same two steps, at the same pace, on both engines in turn: what each says of them, and what it took."""
    print("| engine | p50 µs | p95 µs | p99 µs | p99.9 µs | requests | processor seconds per million |\n|---|---|---|---|---|---|---|")
    rows, dropped = {"native": [], "goose": []}, 0
    with tempfile.TemporaryDirectory() as folder:
        for engine in rows:
            # 64 users, each walking the journey every 64 ms: 2000 requests/s.
            steps_suite(f"{folder}/{engine}", url, seconds, f'pacing = "64ms"\nengine = "{engine}"')
        for _ in range(many):
            for engine, seen in rows.items():
                result = run(server, ["env", "-C", f"{folder}/{engine}", os.path.abspath(harness), "run", "load", "--format", "json"])
                if result["others"] > limit:
                    dropped += 1
                    continue
                said = json.loads(result["said"][result["said"].index("{\n"):])
                step = said["scenarios"][0]["names"]["orders/read"]["service"]
                seen.append([*(step[q] for q in ("p50", "p95", "p99", "p99.9")), result["seen"], result["cpu"] / result["seen"] * 1e6])
    for engine, seen in rows.items():
        if seen:
            print(f"| {engine} | " + " | ".join(shown(column) for column in zip(*seen)) + " |", flush=True)
    print(f"  runs dropped: {dropped}", file=sys.stderr)

def memory(harness, server, url):
    """Resident memory at its highest, in MB: connections that are all opened and then rest, and many requests for a while."""
    print("| load | connections open at once | largest resident memory |\n|---|---|---|")
    at_rest = 8000
    for name, flags, least in (
        (f"{at_rest} users who ask once and rest for 10 s", f"-c {at_rest} --think 10s -z 15s", at_rest),
        ("5 000 requests/s for 60 s", "-c 64 --rate 5000/s -z 60s", 1),
        ("the same for 120 s", "-c 64 --rate 5000/s -z 120s", 1),
    ):
        command = shlex.split(f"{harness} load {url} {flags} -t 1 --format json")
        child = subprocess.Popen(["taskset", "-c", TOOL_CORE, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        most, status = 0, 0
        while status == 0:
            time.sleep(1)
            most = max(most, open_towards(server.port))
            status, _, usage = os.wait4(child.pid, os.WNOHANG)
        child.returncode = 0
        if most < least:
            sys.exit(f"{name}: only {most} connections were open at once")
        print(f"| {name} | {most} | {usage.ru_maxrss / 1024:.0f} MB |", flush=True)

def open_towards(port):
    """Connections to a port of this machine that are established, as their clients have them."""
    rows = (line.split() for line in list(open("/proc/net/tcp"))[1:])
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)

NGINX = """daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; ssl_protocols TLSv1.3; ssl_session_tickets off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl http2; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location = /count {{ stub_status; }}
    location / {{ default_type text/plain; return 200 "hello world\\n"; }}
  }}
  server {{ listen 127.0.0.1:{plain}; location = /count {{ stub_status; }} }}
}}
"""

class Nginx:
    """Counts requests by its own status page; what the page itself costs is taken off."""
    def __init__(self, folder):
        free = []
        for _ in range(2):
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0)); free.append(s.getsockname()[1])
        self.tls, self.port = free
        subprocess.run(shlex.split(f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout {folder}/key.pem -out {folder}/cert.pem"), check=True, capture_output=True)
        open(f"{folder}/nginx.conf", "w").write(NGINX.format(folder=folder, port=self.tls, plain=self.port))
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, "nginx", "-p", folder, "-c", f"{folder}/nginx.conf"])
        for _ in range(100):
            try:
                self.reset(); break
            except OSError:
                time.sleep(0.05)
    def count(self):
        return int(ask(self.port, "/count").split("requests")[1].split()[2])
    def reset(self):
        self.before = self.count()
    def seen(self):
        return self.count() - self.before - 1
    def end(self):
        self.process.kill(); self.process.wait()

def beside_nginx(what, harness, many, seconds, limit):
    print("| load | harness | peer | ratio | pairs |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        server = Nginx(folder)
        url = f"https://127.0.0.1:{server.tls}/"
        ours = f"{harness} load {url} -c 64 -z {seconds}s -t 1 --insecure --format json"
        try:
            if what == "tls":
                pairs(server, "closed over TLS, kept alive, beside wrk", shlex.split(f"{ours} --http1.1"), shlex.split(f"wrk -t1 -c64 -d{seconds} --latency {url}"), many, limit=limit)
            else:
                pairs(server, "closed over HTTP/2, beside h2load", shlex.split(f"{ours} --http2"), shlex.split(f"h2load -t1 -c4 -m16 -D {seconds} {url}"), many, limit=limit)
        finally:
            server.end()

main()
