//! `man`: the manual pages of every command, from the same source as `--help`.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::exit::Outcome;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder, made where it is missing: landfall.1, landfall-job.1 and so on are written there
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("the pages cannot be written to {}", folder.display()))?;
    Ok(())
}
