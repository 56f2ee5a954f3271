#!/usr/bin/env python3
"""What evaluation costs: time and memory, beside the reference's on the same machine.

usage: benches/run.py NIX_DIR [--reference COMMAND] [--nixpkgs TREE] [--names FILE] [--runs N] [PART…]

NIX_DIR       folder with our `nix` and `nix-instantiate` (made by `firn applets NIX_DIR`)
--reference   what stands before `nix-instantiate` to run the reference's, or `-` if that is on PATH; without it only
              our own figures are printed
--nixpkgs     nixpkgs of October 2020 (folder nixpkgs/ of nixcon/nixcon-video-infra), for the parts below that need it
--names       lines `attribute path`, as tools/eval-parity takes them: lines that end in ` E` are left out
--runs        runs of each, ours and the reference's in turn; the median is printed [5]

Parts, all by default: start, programs, parser, system, names. Times are user and system time of the process.
"""
import argparse, gzip, json, os, resource, statistics, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ["start", "programs", "parser", "system", "names"]
SYSTEM = """{ pkgs, ... }: {
  boot.loader.grub.device = "/dev/sda";
  fileSystems."/".device = "/dev/sda1";
  services.nginx.enable = true;
  services.postgresql.enable = true;
  services.openssh.enable = true;
  networking.firewall.allowedTCPPorts = [ 80 443 ];
}
"""
NAMES = """let
  pkgs = import %s {
    config = { allowUnfree = true; allowBroken = true; allowUnsupportedSystem = true; allowInsecurePredicate = _: true; allowAliases = false; };
    overlays = [ ];
    system = "x86_64-linux";
  };
in map (n: let r = builtins.tryEval (let p = pkgs.${n}; in
  if builtins.isAttrs p && (p.type or "") == "derivation" then builtins.unsafeDiscardStringContext p.drvPath else "-");
  in if r.success then r.value else "!") (builtins.fromJSON (builtins.readFile %s))
"""

parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("nix_dir")
parser.add_argument("--reference")
parser.add_argument("--nixpkgs")
parser.add_argument("--names")
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("parts", nargs="*", default=[])
args = parser.parse_intermixed_args()
parts = args.parts or PARTS
ours = os.path.join(os.path.abspath(args.nix_dir), "nix-instantiate")
nix = os.path.join(os.path.abspath(args.nix_dir), "nix")
reference = None
if args.reference is not None:
    reference = ([] if args.reference == "-" else args.reference.split()) + ["nix-instantiate"]


def measure(command):
    """Seconds of CPU, MiB of memory at the peak, and the output of one run."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = 0
        out.seek(0)
        err.seek(0)
        if status != 0:
            sys.exit(f"{' '.join(command)[:300]}: failed\n{err.read().decode()[-600:]}")
        return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read().decode().strip()


def compare(name, arguments, same=True, runs=None):
    """Runs ours and the reference's in turn and prints medians and ratios."""
    mine, theirs = [], []
    for _ in range(runs or args.runs):
        mine.append(measure([ours, *arguments]))
        if reference:
            theirs.append(measure([*reference, *arguments]))
    cpu, rss = (statistics.median(x[i] for x in mine) for i in (0, 1))
    line = f"{name:22} cpu {cpu:7.3f} s  memory {rss:5.0f} MiB"
    if theirs:
        ratio = statistics.median(a[0] / b[0] for a, b in zip(mine, theirs))
        space = statistics.median(a[1] / b[1] for a, b in zip(mine, theirs))
        equal = "same result" if not same or mine[0][2] == theirs[0][2] else "ANOTHER RESULT"
        line += f"  of the reference's: cpu {ratio:.2f}, memory {space:.2f} ({equal})"
    print(line, flush=True)


def start():
    for name, command in (
        ("nix --version", [nix, "--version"]),
        ("nix eval --expr 1", [nix, "--extra-experimental-features", "nix-command", "eval", "--expr", "1"]),
    ):
        times = [measure(command) for _ in range(max(20, args.runs))]
        cpu = statistics.median(t[0] for t in times) * 1e3
        print(f"{name:22} cpu {cpu:7.1f} ms memory {statistics.median(t[1] for t in times):5.0f} MiB", flush=True)


def programs():
    folder = os.path.join(HERE, "lang")
    for name in sorted(os.listdir(folder)):
        compare(name.removesuffix(".nix"), ["--eval", "--strict", "--readonly-mode", "--expr", f"import {folder}/{name} {{ }}"])


def speed_of_parser():
    files = []
    for top, _, names in os.walk(args.nixpkgs):
        files += [os.path.join(top, n) for n in names if n.endswith(".nix")]
    command = ["cargo", "run", "--quiet", "--release", "-p", "firn-syntax", "--example", "parse", "--", "--bench", "-"]
    run = subprocess.run(command, cwd=HERE, input="\n".join(sorted(files)), capture_output=True, text=True)
    print(run.stdout.strip().splitlines()[-1] if run.returncode == 0 else f"parser: {run.stderr.strip()}", flush=True)


def system():
    with tempfile.NamedTemporaryFile("w", suffix=".nix") as conf:
        conf.write(SYSTEM)
        conf.flush()
        os.chmod(conf.name, 0o644)
        tree = os.path.join(os.path.abspath(args.nixpkgs), "nixos")
        compare("a NixOS system", ["--readonly-mode", tree, "-A", "system", "--arg", "configuration", conf.name])


def names():
    opened = gzip.open if args.names.endswith(".gz") else open
    lines = [line.rsplit(" ", 1) for line in opened(args.names, "rt").read().splitlines() if line]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "names.json"), "w") as f:
            json.dump([name for name, value in lines if value != "E"], f)
        with open(os.path.join(folder, "names.nix"), "w") as f:
            f.write(NAMES % (os.path.abspath(args.nixpkgs), os.path.join(folder, "names.json")))
        compare("all names", ["--eval", "--strict", "--json", "--readonly-mode", os.path.join(folder, "names.nix")], runs=min(3, args.runs))


for part in parts:
    if part in ("parser", "system", "names") and not args.nixpkgs:
        print(f"{part}: skipped: needs --nixpkgs")
    elif part == "names" and not args.names:
        print("names: skipped: needs --names")
    else:
        {"start": start, "programs": programs, "parser": speed_of_parser, "system": system, "names": names}[part]()
