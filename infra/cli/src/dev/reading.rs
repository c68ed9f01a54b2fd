//! Where the objects land and how to read them.

use super::parts::{ACCESS_KEY, BUCKET, Parts, SECRET_KEY};

pub(super) fn told(parts: &Parts) -> String {
    let (name, bucket_dir) = (&parts.name, parts.bucket_dir());
    let bucket_dir = bucket_dir.display();
    let objects = format!("{bucket_dir}/bids/**/{name}+*.jsonl.zst");
    format!(
        "landfall dev: job {name} lands topic {name} in bucket {BUCKET}

objects       {bucket_dir}/bids/dt=*/hour=*/{name}+*.jsonl.zst
dead letters  {bucket_dir}/_landfall-dlq/{name}/
api           {api}   landfall job status {name} --api {api}
s3            {s3}   key id {ACCESS_KEY}, secret {SECRET_KEY}
audit         landfall audit {name} --config {config}

read them, once the first files are closed (about 15 s):
  duckdb -c \"select exchange, count(*), avg(price) from '{objects}' group by all\"
  zstdcat {bucket_dir}/bids/dt=*/hour=*/{name}+*.jsonl.zst | head -3
  python3 -c \"import glob, pandas; print(pandas.concat(pandas.read_json(f, lines=True) for f in glob.glob('{objects}', recursive=True)))\"

Ctrl-C lands what is open, audits and ends.
",
        api = parts.api,
        s3 = parts.s3_endpoint,
        config = parts.config_file.display(),
    )
}
