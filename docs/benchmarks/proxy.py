#!/usr/bin/env python3
"""`harness proxy` beside a bare forwarder, for docs/benchmarks/proxy.sh.

    proxy.py HARNESS FORWARDER [PAIRS] [SECONDS]

Each pair runs both in turn, the order alternating: wrk (32 connections) on one core, the proxy on another, nginx on a third; then
bulk, one connection, as fast as it goes. Counted are requests a second, the proxy's processor seconds for a million of them, and
the p99 that wrk saw; a pair in which anything else used more than 5 % of a core is dropped, and said.
"""
import json, os, re, socket, statistics, subprocess, sys, tempfile, threading, time, urllib.request

TICK = os.sysconf("SC_CLK_TCK")
SERVER, PROXY, TOOL = "0", "1", "2"

def busy():
    fields = [int(n) for n in open("/proc/stat").readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK

def used_by(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

def pinned(core, command, **more):
    return subprocess.Popen(["taskset", "-c", core, *command], text=True, **more)

NGINX = """daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type text/plain; return 200 "hello world\\n"; }} }}
}}
"""

class Sink:
    """Takes what a connection brings and counts it."""
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.bytes = self.listener.getsockname()[1], 0
        threading.Thread(target=self.take, daemon=True).start()
    def take(self):
        room = bytearray(1 << 20)
        while True:
            stream, _ = self.listener.accept()
            while n := stream.recv_into(room):
                self.bytes += n

class Ours:
    def __init__(self, harness, upstream, toxics=()):
        self.process = pinned(PROXY, [harness, "--quiet", "proxy", "--port", "0"], stdout=subprocess.PIPE)
        url = self.process.stdout.readline().strip()
        body = json.dumps({"name": "p", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream}", "toxics": list(toxics)})
        answer = urllib.request.urlopen(f"{url}/proxies", body.encode()).read()
        self.port = int(json.loads(answer)["listen"].rsplit(":", 1)[1])

class Bare:
    def __init__(self, forwarder, upstream):
        self.process = pinned(PROXY, [forwarder, str(upstream)], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

def end(process):
    process.kill()
    process.wait()

def micros(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]

def requests(port, proxy, seconds):
    """Requests a second, processor seconds of the proxy for a million, p99 in µs."""
    before = used_by(proxy) if proxy else 0
    tool = pinned(TOOL, ["wrk", "-t1", "-c32", f"-d{seconds}", "--latency", f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE)
    said = tool.communicate()[0]
    many = int(re.search(r"(\d+) requests in", said)[1])
    cpu = (used_by(proxy) - before) / many * 1e6 if proxy else 0
    return many / seconds, cpu, micros(re.search(r"99%\s+(\S+)", said)[1])

def bulk(port, sink, seconds):
    """Megabytes a second that came out."""
    piece = bytes(1 << 20)
    with socket.create_connection(("127.0.0.1", port)) as stream:
        begun, before = time.monotonic(), sink.bytes
        while time.monotonic() - begun < seconds:
            stream.sendall(piece)
        return (sink.bytes - before) / (time.monotonic() - begun) / 1e6

def shown(values):
    if len(values) < 2:
        return f"{values[0]:.3g}"
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.3g} ({low:.3g}–{high:.3g})"

def pairs(name, many, ours, peer, limit):
    """Both in turn; each answers a tuple of figures and the processes it used."""
    rows, dropped = [], 0
    while len(rows) < many and dropped < 2 * many:
        both, quiet = {}, True
        for which, one in [("ours", ours), ("peer", peer)][:: 1 if (len(rows) + dropped) % 2 == 0 else -1]:
            begun, before = time.monotonic(), busy()
            own = os.times()
            figures, cpu = one()
            spent = os.times()
            mine = sum(spent[:4]) - sum(own[:4])
            share = (busy() - before - cpu - mine) / (time.monotonic() - begun)
            quiet = quiet and share <= limit
            both[which] = figures
        if quiet:
            rows.append(both)
        else:
            dropped += 1
    if not rows:
        print(f"| {name} | every pair dropped | | | |")
        return
    for index, figure in enumerate(name):
        mine, other = [[row[which][index] for row in rows] for which in ("ours", "peer")]
        ratio = [a / b for a, b in zip(mine, other)]
        print(f"| {figure} | {shown(mine)} | {shown(other)} | {shown(ratio)} | {len(rows)}, {dropped} dropped |", flush=True)

def main():
    harness, forwarder = sys.argv[1:3]
    many = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 4
    limit = float(os.environ.get("OTHERS", "0.05"))
    print("| figure | harness proxy | bare forwarder | ratio | pairs |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        open(f"{folder}/nginx.conf", "w").write(NGINX.format(folder=folder, port=port))
        nginx = pinned(SERVER, ["nginx", "-p", folder, "-c", f"{folder}/nginx.conf"])
        sink = Sink()
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)

        def through(make):
            def one():
                server = used_by(nginx.pid)
                proxy = make(port)
                try:
                    figures = requests(proxy.port, proxy.process.pid, seconds)
                    return figures, used_by(nginx.pid) - server + used_by(proxy.process.pid)
                finally:
                    end(proxy.process)
            return one

        def pushed(make):
            def one():
                proxy = make(sink.port)
                try:
                    return (bulk(proxy.port, sink, seconds),), used_by(proxy.process.pid)
                finally:
                    end(proxy.process)
            return one

        slow = {"type": "latency", "stream": "upstream", "attributes": {"latency": 10}}
        try:
            direct = [requests(port, None, seconds)[0] for _ in range(3)]
            pairs(("requests/s", "processor seconds of the proxy per million", "p99 µs"), many,
                  through(lambda to: Ours(harness, to)), through(lambda to: Bare(forwarder, to)), limit)
            pairs(("bulk, MB/s",), many, pushed(lambda to: Ours(harness, to)), pushed(lambda to: Bare(forwarder, to)), limit)
            pairs(("bulk with 10 ms latency, MB/s",), many, pushed(lambda to: Ours(harness, to, [slow])), pushed(lambda to: Bare(forwarder, to)), limit)
            print(f"\nwithout any proxy: {shown(direct)} requests/s")
        finally:
            end(nginx)

main()
