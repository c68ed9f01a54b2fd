//! What a configuration says of a job: whether what it names is registered, and whether it stays off the fleet's own objects.

use landfall_job::reader::{Node, closest};
use landfall_job::{FieldError, FieldErrors, JobSpec, Topics};

use crate::fleet::FleetConfig;

impl FleetConfig {
    /// Checks a job against this fleet: registered clusters and buckets, owners, and the state's folder.
    ///
    /// # Errors
    /// Every mistake found.
    pub fn check_job(&self, spec: &JobSpec) -> Result<(), FieldErrors> {
        let mut errors = Vec::new();
        let mut clusters = vec![("source.cluster", &spec.source.cluster)];
        if spec.dead_letter.cluster != spec.source.cluster {
            clusters.push(("dead_letter.cluster", &spec.dead_letter.cluster));
        }
        for (field, name) in clusters.into_iter().filter(|(_, name)| !self.clusters.contains_key(*name)) {
            errors.push(unregistered(field, name, "cluster", self.clusters.keys().map(String::as_str)));
        }
        if !self.pools.is_empty() && !self.pools.contains_key(&spec.pool) {
            errors.push(unregistered("pool", &spec.pool, "pool", self.pools.keys().map(String::as_str)));
        }
        let bucket = &spec.sink.bucket;
        match self.buckets.get(bucket) {
            None if self.buckets.is_empty() => {
                if let Some(asked) = &spec.sink.expected_bucket_owner {
                    errors.push(wrong_owner(bucket, asked));
                }
            }
            None => errors.push(unregistered("sink.bucket", bucket, "bucket", self.buckets.keys().map(String::as_str))),
            Some(registered) => {
                // Requests carry the owner of the registered bucket; a job's word is only compared with it.
                if let Some(asked) = &spec.sink.expected_bucket_owner
                    && registered.expected_owner.as_ref() != Some(asked)
                {
                    errors.push(wrong_owner(bucket, asked));
                }
            }
        }
        if *bucket == self.state.bucket {
            self.check_folders(spec, &mut errors);
        }
        if errors.is_empty() { Ok(()) } else { Err(FieldErrors(errors)) }
    }

    /// No object of a job may lie in the folder of the state, whatever it is rendered to.
    fn check_folders(&self, spec: &JobSpec, errors: &mut Vec<FieldError>) {
        let state = self.state.prefix.as_str();
        let problem = format!("could put objects into {state}, where the fleet keeps its own");
        let literal = spec.sink.key.literal_prefix();
        // The topics of a pattern are not known here: a worker looks at each that it is given.
        let names = match &spec.source.topics {
            Topics::Named(names) => names.as_slice(),
            Topics::Matching(_) => &[],
        };
        if names.iter().any(|topic| spec.sink.key.could_lie_in(topic, state))
            || (!literal.is_empty() && (literal.starts_with(state) || state.starts_with(literal)))
        {
            let error = FieldError::new("sink.key", problem.clone(), "begin it with another folder");
            errors.push(error.with_value(shown(spec.sink.key.as_str())));
        }
        if let Some(prefix) =
            spec.dead_letter_prefix().filter(|prefix| prefix.starts_with(state) || state.starts_with(prefix.as_str()))
        {
            let error = FieldError::new("dead_letter.s3", problem, "write another folder");
            errors.push(error.with_value(shown(&prefix)));
        }
    }
}

fn unregistered<'a>(field: &str, name: &str, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> FieldError {
    let fix = match closest(name, known.clone()) {
        Some(near) => format!("did you mean {near}?"),
        None => match known.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => format!("register the {what} in the configuration"),
            names => format!("registered are: {names}"),
        },
    };
    FieldError::new(field, format!("is not a registered {what}"), fix).with_value(shown(name))
}

fn shown(text: &str) -> String {
    Node::Text(text.to_owned()).shown()
}

fn wrong_owner(bucket: &str, asked: &str) -> FieldError {
    let problem = format!("is not the owner that the operator registered for {bucket}");
    let fix = format!("leave it out, or let the operator set buckets.{bucket}.expected_owner");
    FieldError::new("sink.expected_bucket_owner", problem, fix).with_value(shown(asked))
}
