"""What tests/bench/run tells: bench.json, a table for the terminal and one for
the README, and a plot."""
import json
import os
import platform
import statistics

import gateways

# work: (against whom, ratio, better is smaller), DESIGN's targets
TARGETS = {"keepalive_1k": ("haproxy", 0.7), "keepalive_64k": ("haproxy", 0.7),
           "full_handshake": (None, 0.6), "resumed": (None, 0.6),
           "tunnel_memory_1k": (None, 1.0), "tunnel_memory_10k": (None, 1.0),
           "tunnel_bulk": (None, 1.0), "download": (None, 1.0)}
MARKS = ("<!-- tests/bench/run --publish writes from here -->\n",
         "<!-- to here -->\n")


def summary(works, samples):
    """As in bench.json: medians, and the ratio to the best peer."""
    results = []
    for work, (unit, smaller, *_rest) in works.items():
        have = {g: statistics.median(v) for (g, w), v in samples.items()
                if w == work and v}
        peers = {g: round(v, 2) for g, v in have.items() if g != "gwd"}
        if not have:
            continue
        best = (min if smaller else max)(peers, key=peers.get) if peers \
            else None
        mine = have.get("gwd")
        ratio = round(mine / peers[best], 3) if best and mine else None
        results.append({"work": work, "unit": unit,
                        "gwd": round(mine, 2) if mine else None,
                        "peers": peers, "best_peer": best, "ratio": ratio})
    return results


def verdict(works, r):
    """'0.61 of 0.7 haproxy: met', where there is a target and a number."""
    if r["work"] not in TARGETS or not r["gwd"]:
        return ""
    against, target = TARGETS[r["work"]]
    against = against or r["best_peer"]
    if not r["peers"].get(against):
        return ""
    ratio = r["gwd"] / r["peers"][against]
    smaller = works[r["work"]][1]
    met = ratio <= target if smaller else ratio >= target
    return "%.2f × %s; %s %.1f: %s" % (
        ratio, against, "≤" if smaller else "≥", target,
        "met" if met else "missed")


def rows(works, results):
    names = [g for g in gateways.ALL if g != "gwd"]
    yield ["work", "unit", "gwd"] + names + ["gwd / best", "target"]
    for r in results:
        cells = [r["gwd"]] + [r["peers"].get(n) for n in names]
        yield ([r["work"], r["unit"]] +
               ["–" if c is None else "%.2f" % c if c < 100 else "%.0f" % c
                for c in cells] +
               ["–" if r["ratio"] is None else
                "%.2f %s" % (r["ratio"], r["best_peer"]), verdict(works, r)])


def table(works, results):
    lines = list(rows(works, results))
    widths = [max(len(l[i]) for l in lines) for i in range(len(lines[0]))]
    return "".join("  ".join(c.ljust(w) if i < 2 or i > 6 else c.rjust(w)
                             for i, (c, w) in enumerate(zip(l, widths)))
                   .rstrip() + "\n" for l in lines)


def markdown(works, results, remarks):
    lines = list(rows(works, results))
    out = ["| " + " | ".join(lines[0]) + " |",
           "|---|---|" + "--:|" * 5 + "---|---|"]
    out += ["| " + " | ".join(l) + " |" for l in lines[1:]]
    return "\n".join(out) + "\n\n" + "".join(f"- {r}\n" for r in remarks)


def where(names, rounds):
    """On what it was measured."""
    cpu = "unknown processor"
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            cpu = line.split(":")[1].strip()
            break
    peers = ", ".join(gateways.version(n) for n in names if n != "gwd")
    return (f"{os.cpu_count()} processors ({cpu}), Linux "
            f"{platform.release()}, {peers}; medians of {rounds} round"
            f"{'s' if rounds != 1 else ''}")


def plot(works, results):
    """Ratios as bars, as SVG; the line is the best peer."""
    shown = [r for r in results if r["ratio"] is not None]
    scale, h = 260, 26
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="640" height="%d" '
           'font-family="sans-serif" font-size="13">' % (h * len(shown) + 50),
           '<rect width="100%" height="100%" fill="#fff"/>',
           '<text x="10" y="20" font-weight="bold">gwd / best peer (filled: '
           'gwd does better)</text>']
    for i, r in enumerate(shown):
        y, width = 36 + i * h, min(r["ratio"], 1.5) * scale
        smaller = works[r["work"]][1]
        good = r["ratio"] <= 1 if smaller else r["ratio"] >= 1
        unit = "less is better" if smaller else "more is better"
        out.append(f'<text x="10" y="{y + 15}">{r["work"]}</text>')
        out.append(f'<rect x="160" y="{y}" height="{h - 6}" '
                   f'width="{width:.0f}" fill="'
                   f'{"#2a6f97" if good else "none"}" stroke="#2a6f97">'
                   f'<title>{r["unit"]}, {unit}</title></rect>')
        out.append(f'<text x="{168 + width:.0f}" y="{y + 15}">'
                   f'{r["ratio"]:.2f} {r["best_peer"]}</text>')
    x = 160 + scale
    out.append(f'<line x1="{x}" x2="{x}" y1="30" y2="{36 + h * len(shown)}" '
               'stroke="#c1121f" stroke-dasharray="4"/></svg>')
    return "\n".join(out) + "\n"


def save(path, text):
    with open(path, "w") as f:
        f.write(text)


def save_json(path, results):
    save(path, json.dumps({"results": results}, indent=1) + "\n")


def publish(top, text, svg):
    """Into the README, between the marks, and beside this file."""
    readme = f"{top}/README.md"
    old = open(readme).read()
    begin = old.index(MARKS[0]) + len(MARKS[0])
    end = old.index(MARKS[1])
    save(readme, old[:begin] + "\n" + text +
         "\n![gwd / best peer](tests/bench/bench.svg)\n\n" + old[end:])
    save(f"{top}/tests/bench/bench.svg", svg)
