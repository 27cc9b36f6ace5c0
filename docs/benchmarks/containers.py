#!/usr/bin/env python3
"""The figures of container mode, for docs/benchmarks/containers.sh.

    containers.py start|partition|twenty HARNESS [PAIRS]

start: five services that answer on a port at once, started by `harness up` and, in turn with it, by the engine's API alone, all
at once, until each port accepts. The difference is what the harness adds. partition: a service counts what another sends it
every millisecond; told is when it last heard, from when the fault began (`fault_armed`). twenty: what is on the engine before and after.
"""
import concurrent.futures, glob, http.client, json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

IMAGE, SOCKET, SERVICES = "debian:bookworm-slim", "/var/run/docker.sock", 5
SERVE = r"""use IO::Socket::INET; $SIG{TERM} = sub { exit 0 };
my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 99, ReuseAddr => 1);
while (my $c = $s->accept) { while (defined(my $l = <$c>)) { last if $l =~ /^\r?\n$/ }
print $c "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"; close $c }"""
# Sends one datagram a millisecond.
SEND = r"""use IO::Socket::INET; use Time::HiRes 'sleep'; $SIG{TERM} = sub { exit 0 };
my $u = IO::Socket::INET->new(PeerAddr => 'hears', PeerPort => 7000, Proto => 'udp');
while (1) { $u->send(1); sleep 0.001 }"""
# Says, after each silence of 100 ms, from when to when it was, in seconds since the epoch.
HEAR = r"""use IO::Socket::INET; use Time::HiRes 'time'; $SIG{TERM} = sub { exit 0 }; $| = 1;
my $u = IO::Socket::INET->new(LocalPort => 7000, Proto => 'udp'); my $last = time;
while (1) { $u->recv(my $t, 9); my $now = time; printf "silent %.4f %.4f\n", $last, $now if $now - $last > 0.1; $last = $now }"""
LOOK = 'title = "It answers"\n[[step]]\nname = "it does"\nget = "/"\nexpect = ["status == 200"]\n'

class Engine(http.client.HTTPConnection):
    def __init__(self):
        super().__init__("engine")
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)

def ask(method, path, body=None):
    engine = Engine()
    engine.request(method, "/v1.41" + path, body and json.dumps(body), {"content-type": "application/json"})
    answer = engine.getresponse()
    text = answer.read()
    assert answer.status < 400, (method, path, text)
    return json.loads(text) if text.strip() else None

def accepts(host, port):
    while True:
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            time.sleep(0.002)

def bare(nth):
    """Seconds until five containers that the engine is told to start at once accept, and until they are gone."""
    net = f"bench-{os.getpid()}-{nth}"
    begun = time.perf_counter()
    network = ask("POST", "/networks/create", {"Name": net, "CheckDuplicate": True})["Id"]
    def start(n):
        made = ask("POST", f"/containers/create?name={net}-{n}", {
            "Image": IMAGE, "Cmd": ["perl", "-e", SERVE], "HostConfig": {"NetworkMode": net}})["Id"]
        ask("POST", f"/containers/{made}/start")
        accepts(ask("GET", f"/containers/{made}/json")["NetworkSettings"]["Networks"][net]["IPAddress"], 8080)
        return made
    with concurrent.futures.ThreadPoolExecutor(SERVICES) as pool:
        made = list(pool.map(start, range(SERVICES)))
        up = time.perf_counter() - begun
        begun = time.perf_counter()
        list(pool.map(lambda one: (ask("POST", f"/containers/{one}/stop"), ask("DELETE", f"/containers/{one}")), made))
    ask("DELETE", f"/networks/{network}")
    return up, time.perf_counter() - begun

def suite(folder, services, links="", scenarios={}):
    text = '[project]\nname = "bench"\n[target]\nmode = "container"\n'
    for name, (script, port) in services.items():
        listens = f", port = {port}" if port else ""
        text += (f"[target.service.{name}]\nready = {{ within = \"60s\" }}\n"
                 f"container = {{ image = \"{IMAGE}\", command = [\"perl\", \"-e\", '''{script}''']{listens} }}\n")
    os.makedirs(f"{folder}/scenarios/journeys")
    open(f"{folder}/harness.toml", "w").write(text + links)
    open(f"{folder}/scenarios/journeys/look.toml", "w").write(LOOK)
    for name, scenario in scenarios.items():
        open(f"{folder}/scenarios/{name}.toml", "w").write(scenario)

def five(links):
    text = '[target.link.edge]\nto = "s0"\n'
    for n in range(1, SERVICES) if links else []:
        text += f'[target.link.l{n}]\nfrom = "s0"\nto = "s{n}"\n'
    return {f"s{n}": (SERVE, 8080) for n in range(SERVICES)}, text

def events(folder):
    run = sorted(glob.glob(f"{folder}/reports/runs/*/events.ndjson.zst"))[-1]
    return [json.loads(line) for line in subprocess.run(["zstd", "-dcq", run], capture_output=True).stdout.splitlines()]

def up(harness, folder):
    """Seconds until `harness up` says where the target answers, and from Ctrl-C until it has ended."""
    begun = time.perf_counter()
    held = subprocess.Popen([harness, "up", "--format", "json"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    held.stdout.read(1)
    ready = time.perf_counter() - begun
    begun = time.perf_counter()
    held.send_signal(signal.SIGINT)
    said = held.communicate()[1]
    assert held.returncode == 0, said
    return ready, time.perf_counter() - begun

def show(what, seconds):
    seconds = sorted(seconds)
    q = statistics.quantiles(seconds, n=4)
    print(f"{what:60} median {statistics.median(seconds):.3f} s ({q[0]:.3f}–{q[2]:.3f}), {seconds[0]:.3f} to {seconds[-1]:.3f}")

def start(harness, pairs):
    with tempfile.TemporaryDirectory() as plain, tempfile.TemporaryDirectory() as linked:
        suite(plain, *five(False)), suite(linked, *five(True))
        takes = {"bare": bare, "plain": lambda _: up(harness, plain), "linked": lambda _: up(harness, linked)}
        for take in takes.values():
            take("warm")
        took = {name: [] for name in takes}
        for nth in range(pairs):
            for name, take in sorted(takes.items(), reverse=nth % 2 == 1):
                took[name].append(take(nth))
        show("five containers by the engine's API alone, until all accept", [one for one, _ in took["bare"]])
        show("… stopped and removed", [one for _, one in took["bare"]])
        for name, what in (("plain", "harness up"), ("linked", "harness up, four links between")):
            show(f"{what}, until all are ready", [one for one, _ in took[name]])
            show("… more than the engine alone", [one - other for (one, _), (other, _) in zip(took[name], took["bare"])])
            show("… its tear-down", [one for _, one in took[name]])

def partition(harness, _):
    scenario = ('title = "They are parted"\nsettle = "1s"\n[load]\nrate = "20/s"\nfor = "45s"\nmix = { look = 1 }\n[[fault]]\n'
                'name = "parted"\nservice = "hears"\nat = "2s"\nfor = "1s"\nevery = "4s"\ntimes = 10\n'
                'partition = { from = "sends" }\n')
    services = {"hears": (HEAR, None), "sends": (SEND, None), "web": (SERVE, 8080)}
    with tempfile.TemporaryDirectory() as folder:
        link = '[target.link.edge]\nto = "web"\n'
        suite(folder, services, link, {"parted": scenario})
        text = open(f"{folder}/harness.toml").read().replace("[target.service.sends]\n", "[target.service.sends]\nneeds = [\"hears\"]\n")
        open(f"{folder}/harness.toml", "w").write(text)
        ran = subprocess.run([harness, "run"], cwd=folder, capture_output=True, text=True)
        all_ = events(folder)
        log = open(glob.glob(f"{folder}/reports/runs/*/services/hears.log")[0]).read()
        silences = [tuple(map(float, line.split("silent ")[1].split())) for line in log.splitlines() if "silent " in line]
        of = lambda word: [one for one in all_ if one["event"] == word]
        by = {one.get("by") for one in of("fault_effective")}
        zero = all_[0]["wall_ms"] / 1e3 - all_[0]["at_us"] / 1e6
        heard = []
        for armed, effective in zip(of("fault_armed"), of("fault_effective")):
            told = zero + effective["effective_us"] / 1e6
            due = armed["wall_ms"] / 1e3
            silent = [one for one in silences if due - 0.2 < one[0] < told + 0.5 and one[1] - one[0] > 0.8]
            assert len(silent) == 1, (armed, silences, ran.stderr)
            heard.append((silent[0][0] - due, told - due))
        print(f"by {by}, {len(heard)} of 10")
        show("partition, from its begin until the last datagram was heard", [one for one, _ in heard])
        show("… until the harness knew that it was done", [one for _, one in heard])

def there():
    """What is on the engine and, of iptables and packet queues, on this machine, by kind: what each is called, by its id."""
    def lines(*command):
        said = subprocess.run(command, capture_output=True, text=True).stdout if shutil.which(command[0]) else ""
        return {line: line for line in said.splitlines() if not line.startswith((":", "#"))}
    def names(path, id_, name):
        return {one[id_]: f"{one[name]} {one.get('Labels') or ''}" for one in path}
    return {
        "containers": names(ask("GET", "/containers/json?all=1"), "Id", "Names"),
        "networks": names(ask("GET", "/networks"), "Id", "Name"),
        "volumes": names(ask("GET", "/volumes")["Volumes"] or [], "Name", "Name"),
        "images, dangling and intermediate too": names(ask("GET", "/images/json?all=1"), "Id", "RepoTags"),
        "iptables rules": lines("iptables-save"),
        "queues of packets": lines("tc", "qdisc"),
    }

def twenty(harness, _):
    with tempfile.TemporaryDirectory() as folder:
        scenario = ('title = "Parts break"\nsettle = "1s"\n[load]\nrate = "20/s"\nfor = "4s"\nmix = { look = 1 }\n'
                    '[[fault]]\nname = "parted"\nservice = "s0"\nat = "1s"\nfor = "1s"\npartition = { from = "s1" }\n'
                    '[[fault]]\nname = "killed"\nservice = "s2"\nat = "2500ms"\nfor = "500ms"\nkill = true\n')
        suite(folder, *five(True), {"breaks": scenario})
        text = open(f"{folder}/harness.toml").read()
        sized = "port = 8080, volumes = { \"/data\" = { size = \"4MB\" }, \"/more\" = {} } }"
        open(f"{folder}/harness.toml", "w").write(text.replace("port = 8080 }", sized))
        run = lambda: subprocess.run([harness, "run"], cwd=folder, capture_output=True, text=True)
        # The first makes the image of this harness, which stays, as a cache.
        run()
        before = there()
        begun = time.perf_counter()
        codes = [run().returncode for _ in range(20)]
        took = time.perf_counter() - begun
        after = there()
        print(f"20 runs of five services, four links, ten volumes and two faults: exit codes { {code: codes.count(code) for code in sorted(set(codes))} }, {took / 20:.1f} s each")
        # Others may use the engine meanwhile: what is ours says so in its name or its label.
        runs = [os.path.basename(run) for run in glob.glob(f"{folder}/reports/runs/*")]
        for kind in before:
            new = {what for id_, what in after[kind].items() if id_ not in before[kind]}
            ours = [what for what in new if any(run in what for run in runs)]
            print(f"{kind:60} {len(before[kind])} before, {len(new)} new, {len(ours)} of them of these runs")
            for what in sorted(new)[:9]:
                print(f"    {what[:150]}")

print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
{"start": start, "partition": partition, "twenty": twenty}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
print(f"load average {os.getloadavg()[0]:.1f}\n")
