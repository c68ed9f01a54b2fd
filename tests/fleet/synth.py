"""The fleet's YAML and what the CDK app makes of it, without any account."""

import json
import os
import platform
import subprocess

import yaml
from parts import layout
from parts.process import PartFailed

CDK = layout.ROOT / "cdk"
NAME = "landfall"
TOKEN = "change-me"
_TOKEN_SHA256 = "e2186dbdb1bb4193608605e84f33208765b5693b55edd4f730a719a100eeea6f"

# The decision comes once a minute. So that a run sees all of it in a few: workers that are stated to be slow, and no
# more patience than one of these minutes.
QUICK_SCALING = {
    "worker_records_per_second": 400,
    "target_drain_seconds": 60,
    "target_lag_seconds": 5,
    "start_delay_seconds": 10,
    "scale_in_stabilization_seconds": 20,
    "drain_stabilization_seconds": 20,
    "cooldown_period_seconds": 30,
}


def fleet_yaml(region, kafka, secret_arn, max_workers):
    """examples/minimal.yaml for Kafka on this machine, one task of the API, and the Lambda as the actuator."""
    return {
        "name": NAME,
        "region": region,
        "image": {"tag": "0.1.0", "architecture": "arm64" if platform.machine() == "aarch64" else "x86_64"},
        "clusters": {
            "main": {
                "bootstrap_servers": kafka.bootstrap,
                "properties": {
                    "security.protocol": "SASL_SSL",
                    "sasl.mechanism": "SCRAM-SHA-512",
                    "ssl.ca.pem": kafka.authority.ca_pem.read_text(encoding="utf-8"),
                },
                "secrets": {f"sasl.{part}": f"{secret_arn}#{part}" for part in ("username", "password")},
            }
        },
        "api": {
            "certificate_arn": f"arn:aws:acm:{region}:000000000000:certificate/11111111-2222-3333-4444-555555555555",
            "tasks": 1,
            "tokens": [{"name": "fleet-test", "sha256": _TOKEN_SHA256, "role": "operator"}],
        },
        "pools": {"shared": {"max": max_workers, "drain_seconds": 30, "scaling": QUICK_SCALING}},
        "scaling": {"actuator": "ecs"},
    }


def synthesize(settings, folder):
    """The fleet's template, as `cdk synth` makes it."""
    path = folder / "fleet.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return synthesize_file(path, folder / "cdk.out", settings.get("name", NAME))


def synthesize_file(path, output, name=NAME):
    app = CDK / "dist" / "bin" / "app.js"
    if not app.exists():
        raise PartFailed(f"{app} does not exist; tests/fleet/prepare.sh builds it")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    env = kept | {"CDK_OUTDIR": str(output), "CDK_CONTEXT_JSON": json.dumps({"config": str(path)})}
    done = subprocess.run(["node", app], cwd=CDK, env=env, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise PartFailed(f"the template was not made: {done.stdout}{done.stderr}")
    return json.loads((output / f"{name}.template.json").read_text(encoding="utf-8"))
