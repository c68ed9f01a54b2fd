//! Gathering the evidence, in the order that keeps a running job from looking wrong.

use std::collections::BTreeSet;

use landfall_s3::error::ErrorKind;

use super::evidence::{Evidence, Place};
use super::{Target, kafka, log, objects};

pub(super) async fn collect(target: &Target) -> anyhow::Result<Evidence> {
    let commits = kafka::commits(target).await?;
    let topics: BTreeSet<String> = commits.known.keys().map(|(topic, _)| topic.clone()).collect();
    let places = objects::list(target, &topics).await?;
    let lanes = log::read(target, &target.record.uid).await?;
    let kafka = kafka::ends(target, commits).await?;
    let mut named: BTreeSet<Place> = BTreeSet::new();
    let mut own_tokens: BTreeSet<String> = BTreeSet::new();
    for entry in lanes.iter().flat_map(|lane| &lane.entries) {
        named.extend(entry.files.iter().map(|file| (file.bucket.clone(), file.key.clone())));
        own_tokens.extend(entry.files.iter().map(|file| file.token.to_string()));
        own_tokens.extend(entry.rebuilt.iter().map(|rebuilt| rebuilt.token.to_string()));
    }
    let looked_at: BTreeSet<Place> = named.union(&places).cloned().collect();
    let mut objects = objects::look(target, looked_at).await?;

    // What says that it is this job's and is not in its log may be an older generation's.
    let strangers: BTreeSet<Place> = objects
        .iter()
        .filter(|(place, _)| !named.contains(*place))
        .filter(|(_, seen)| !seen.token.as_ref().is_some_and(|token| own_tokens.contains(token)))
        .map(|(place, _)| place.clone())
        .collect();
    let own_name = Some(target.record.name.as_str());
    let suspect = |place: &Place| objects.get(place).is_some_and(|seen| seen.job.as_deref() == own_name);
    let tokens_of_others = match strangers.iter().any(suspect) {
        true => log::tokens_of_others(target).await?,
        false => BTreeSet::new(),
    };
    let mut other_objects = 0;
    for place in strangers {
        let harmless = objects.get(&place).is_none_or(|seen| {
            seen.job.as_deref() != own_name || seen.token.as_ref().is_some_and(|token| tokens_of_others.contains(token))
        });
        if harmless {
            objects.remove(&place);
            other_objects += 1;
        }
    }
    if target.deep {
        objects::count(target, &mut objects).await?;
    }
    let uploads = match objects::uploads(target, &topics).await {
        Ok(uploads) => Some(uploads),
        Err(error) if matches!(error.kind, ErrorKind::NotImplemented | ErrorKind::AccessDenied) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Evidence { lanes, objects, other_objects, uploads, kafka, now_ms: jiff::Timestamp::now().as_millisecond() })
}

#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;
