"""Prints docs/cost.md: what a terabyte costs, from measured figures and published prices.

    python3 bench/cost.py > docs/cost.md

Standard library only. Every figure that goes in stands in this file, with where it comes from; change one and print again.
"""

# --- measured: docs/evidence/bench-2026-11-27.md (release build, 650 B events, 12 partitions, 2 shared cores) -----------
CPU_S_PER_GB = {"JSONL none": 7.96, "JSONL zstd": 10.14, "JSONL gzip": 10.71, "Parquet zstd": 16.83}
OUT_PER_IN = {"JSONL none": 1.002, "JSONL zstd": 0.193, "JSONL gzip": 0.227, "Parquet zstd": 0.146}
EVENT_BYTES = 650
SMALL_REQUESTS_PER_GB = 31_610 / 2.60  # 996 paths by a field without scratch
# Of others, on another machine of 2 cores, over the bare consume loop there (1.5 CPU-s/GB); here the bare loop is 3.27.
BARE_CPU_S_PER_GB = 3.27
TIMES_BARE = {"Connect + S3 sink, bytes unread, gzip": 24.5, "Connect + S3 sink, JSON lines, gzip": 81.5}

# --- prices: us-east-1, US dollars, looked up 2026-11-27 in stored copies of public pages. AWS's own price pages keep their
# tables out of the text, so most stand on a page that quotes them; what no page said is in UNVERIFIED -----------------
# factualminds.com, Fargate, 2026-06-17; ARM: vantage.sh/blog/fargate-pricing; aws.amazon.com/ecs/pricing (read 2026-09-20)
# says 0.000011244 a vCPU-second in its example, which is 0.04048 an hour
VCPU_HOUR = {"x86": 0.04048, "ARM": 0.03238}
MEMORY_GB_HOUR = {"x86": 0.004445, "ARM": 0.00356}
SPOT = 0.3  # of the price: aws.amazon.com/fargate/pricing says "up to a 70% discount"; it varies by the day
S3_PUT_1000, S3_GET_1000 = 0.005, 0.0004  # c3x.dev/blog/s3-request-fees-explained, no date; POST and LIST are priced as PUT
CROSS_AZ_GB = 0.02  # 0.01 out and 0.01 in: usage.ai, data transfer costs, 2026-06-02
NAT_GB = 0.045  # cloudburn.io/blog/aws-nat-gateway-pricing, 2026-02-24
MCU_HOUR = 0.11  # two public repositories' notes, no date; that it is 1 vCPU and 4 GiB: AWS, msk-connect-capacity.html
FIREHOSE_MSK_GB = 0.055  # from memory; that the larger of in and out counts, without rounding: AWS, data-firehose/pricing
UNVERIFIED = "what Firehose takes a GB, and what Spot costs on a given day"

# --- how it is run -------------------------------------------------------------------------------------------------------
BUSY = 0.6  # of a task's CPU, on average: lag scales in steps, and a day has a night
MEMORY_GB_PER_VCPU = 2  # the least that Fargate sells with one vCPU; the bench ran in 512 MiB
FILE_BYTES, PART_BYTES, FILE_AGE_S = 128 << 20, 16 << 20, 600
FETCH_GB_PER_GB = 0.371  # the bench's topic on the broker's disk, in lz4: what crosses the network for a GB of JSON

DAYS = {"100 M": (1e8, 12), "1 B": (1e9, 96), "20 B": (20e9, 1_000)}  # events a day, partitions


def vcpu_hours_per_tb(cpu_s_per_gb):
    return cpu_s_per_gb * 1_000 / 3_600 / BUSY


def task_hour(arch, spot=False):
    price = VCPU_HOUR[arch] + MEMORY_GB_PER_VCPU * MEMORY_GB_HOUR[arch]
    return price * SPOT if spot else price


def requests_a_day(form, events, partitions):
    """PUT-priced and GET-priced ones of a day, one job, files by partition and hour."""
    out_bytes = events * EVENT_BYTES * OUT_PER_IN[form]
    files = max(out_bytes / FILE_BYTES, partitions * 86_400 / FILE_AGE_S)
    parts = max(1.0, out_bytes / files / PART_BYTES)
    # An entry names all files that are ready: two a second at the most. Each has a sidecar.
    entries = min(files, 2 * 86_400)
    return files * (2 + parts) + 2 * entries, files


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def table(*head):
    row(*head)
    print("|" + "|".join(["---"] + ["---:"] * (len(head) - 1)) + "|")


def main():
    print("# What it costs\n")
    print("Printed by `python3 bench/cost.py`; every figure that goes in is in that file, with its source. CPU was measured\n"
          "([bench](evidence/bench-2026-11-27.md), 650 B events, checked and uploaded), prices are list prices of us-east-1,\n"
          f"looked up on 2026-11-27, each with its source in that file. Not verified: {UNVERIFIED}.\n"
          "CPU seconds are those of that machine, whose bare consume loop takes 3.3 s a GB; a faster one is cheaper in proportion.\n"
          "GB and TB are 10^9 and 10^12 bytes of JSON as it was produced. Nothing here was read off an AWS bill.\n")
    print("## Compute, dollars per TB\n")
    print(f"`CPU-s/GB x 1000 / 3600 / {BUSY} busy x (vCPU-hour + {MEMORY_GB_PER_VCPU} GB x GB-hour)`. That ARM takes as many CPU\n"
          "seconds as x86 is assumed, not measured. Spot is counted at 30 % of the price.\n")
    table("format", "CPU-s/GB", "vCPU-hours/TB", "Fargate x86", "x86 Spot", "Fargate ARM", "ARM Spot")
    for form, cpu in CPU_S_PER_GB.items():
        hours = vcpu_hours_per_tb(cpu)
        money = [f"{hours * task_hour(arch, spot):.2f}" for arch in ("x86", "ARM") for spot in (False, True)]
        row(form, f"{cpu:.2f}", f"{hours:.1f}", *money)
    print("\n## The whole of it, dollars a day\n")
    print("One job, JSONL zstd, files of 128 MiB or 10 minutes, parts of 16 MiB, one file for each partition and hour.\n"
          "*Cross-AZ*: without `client.rack`, two thirds of what is fetched comes from another zone; with it, and brokers that\n"
          "answer from the nearest replica, nothing. *NAT*: only where there is no gateway endpoint for S3, which is free.\n")
    table("events a day", "TB a day", "vCPUs, on average", "compute x86", "compute ARM Spot", "files", "S3 requests", "cross-AZ if no rack",
          "NAT if no endpoint")
    form = "JSONL zstd"
    for name, (events, partitions) in DAYS.items():
        tb = events * EVENT_BYTES / 1e12
        hours = tb * vcpu_hours_per_tb(CPU_S_PER_GB[form])
        puts, files = requests_a_day(form, events, partitions)
        requests = puts * S3_PUT_1000 / 1_000 + files * S3_GET_1000 / 1_000
        fetched_gb = tb * 1_000 * FETCH_GB_PER_GB
        row(f"{name}, {partitions} partitions", f"{tb:.3f}", f"{hours / 24:.2f}", f"{hours * task_hour('x86'):.2f}",
            f"{hours * task_hour('ARM', True):.2f}", f"{files:,.0f}", f"{requests:.2f}",
            f"{fetched_gb * 2 / 3 * CROSS_AZ_GB:.2f}", f"{tb * 1_000 * OUT_PER_IN[form] * NAT_GB:.2f}")
    print("\nA pool runs whole tasks: below one vCPU on average the least is one small task (0.25 vCPU and 0.5 GB cost "
          f"{24 * (0.25 * VCPU_HOUR['x86'] + 0.5 * MEMORY_GB_HOUR['x86']):.2f} a day), or\nnone at all while nothing comes: the pool scales to zero. "
          "Storage of the objects is not counted; it is the same for everybody.\n\n"
          "What to look at first, in this order: the zones (`client.rack`), the endpoint, the size of files. Each can cost more than\n"
          f"the compute. Small files are requests: 7,745 objects of 2.6 GB took {SMALL_REQUESTS_PER_GB:,.0f} requests a GB in the bench,\n"
          f"or {SMALL_REQUESTS_PER_GB * S3_PUT_1000:.0f} dollars a TB if all were priced as PUT.\n")
    print("## Beside others, dollars per TB of compute or service\n")
    table("", "dollars per TB", "how")
    ours = vcpu_hours_per_tb(CPU_S_PER_GB["JSONL gzip"])
    row("Landfall, JSONL gzip, Fargate x86", f"{ours * task_hour('x86'):.2f}", "measured CPU, as above")
    for name, times in TIMES_BARE.items():
        hours = vcpu_hours_per_tb(times * BARE_CPU_S_PER_GB)
        row(f"MSK Connect, {name}", f"{hours * MCU_HOUR:.2f}",
            f"{times} x bare as measured elsewhere x {BARE_CPU_S_PER_GB} s, an MCU is a vCPU with 4 GB")
        row(f"a Connect cluster on Fargate, {name}", f"{hours * (VCPU_HOUR['x86'] + 4 * MEMORY_GB_HOUR['x86']):.2f}",
            "the same with 4 GB a vCPU: it peaked at 2.5 to 6.5 GB")
    row("Amazon Data Firehose from MSK", f"{FIREHOSE_MSK_GB * 1_000:.2f}", "list price a GB of the larger of in and out; no exactly-once, format conversion and partitioning extra")
    print("\nThe others' CPU is the least and the most of what `TIMES_BARE` stands for, taken in the middle; none of them checks records\n"
          "and sets bad ones aside in that price. A Connect cluster does not scale to zero, and runs for its peak: at a load of half\n"
          "its peak on average its figure doubles, which is not in the table.")


main()
