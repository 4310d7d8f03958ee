//! `kbuild-rs cache`: the cache of finished modules, outside of builds.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kbuild::{Cache, CacheSize, Error};
use serde::Serialize;

use crate::args::{
    CacheArgs, CachePruneArgs, CacheStatusArgs, CacheVerb, CacheVerifyArgs, MessageFormat,
};
use crate::builds;
use crate::process::signals;
use crate::ui::failure::{Failure, exit_code};
use crate::ui::json::{self, path};
use crate::ui::options::UiOptions;
use crate::ui::progress::Progress;
use crate::ui::streams;
use crate::ui::style::Style;
use crate::ui::text::{count, size};

/// What the verbs print, as JSON.
#[derive(Serialize)]
#[serde(tag = "reason")]
enum Event {
    /// The state of a cache. A limit of `null` is none.
    #[serde(rename = "cache-status")]
    Status {
        path: String,
        entries: usize,
        bytes: u64,
        limit: Option<u64>,
    },
    /// The removed builds and files.
    #[serde(rename = "cache-pruned")]
    Pruned {
        path: String,
        entries: usize,
        bytes: u64,
    },
    /// A damaged entry, which was removed.
    #[serde(rename = "cache-problem")]
    Problem { path: String },
    /// The last line of `verify`.
    #[serde(rename = "cache-verified")]
    Verified { entries: usize, success: bool },
}

pub(super) fn run(args: &CacheArgs, style: Style) -> ExitCode {
    let done = match &args.verb {
        CacheVerb::Status(args) => status(args),
        CacheVerb::Prune(args) => prune(args),
        CacheVerb::Verify(args) if has_source(args) => verify_source(args, style),
        CacheVerb::Verify(args) => verify(args, style),
    };
    done.unwrap_or_else(|failure| {
        Progress::new(UiOptions::new(style, false)).error(&failure.to_string());
        exit_code([&failure])
    })
}

/// Whether the call names something to build.
fn has_source(args: &CacheVerifyArgs) -> bool {
    !args.build.inputs.is_empty()
}

/// The folder of the cache.
fn folder(named: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    let folder = named.cloned().or_else(Cache::named_by_environment);
    folder.ok_or_else(|| {
        Failure::wrong_call(
            "no cache is named: give --cache DIR, or set KBUILD_RS_CACHE to the folder of the cache",
        )
    })
}

fn opened(named: Option<&PathBuf>) -> Result<(PathBuf, Option<Cache>), Failure> {
    let folder = folder(named)?;
    let cache = Cache::open(&folder)?;
    Ok((folder, cache))
}

fn limit() -> Result<u64, Error> {
    Cache::size_limit()
}

fn status(args: &CacheStatusArgs) -> Result<ExitCode, Failure> {
    let (folder, cache) = opened(args.cache.as_ref())?;
    let nothing = CacheSize {
        entries: 0,
        bytes: 0,
    };
    let found = cache.map_or(nothing, |cache| cache.status());
    let limit = Some(limit()?).filter(|limit| *limit != u64::MAX);
    match args.message_format {
        MessageFormat::Json => json::print(&Event::Status {
            path: path(&folder),
            entries: found.entries,
            bytes: found.bytes,
            limit,
        }),
        MessageFormat::Human => {
            let of = limit.map_or_else(|| "no limit".to_owned(), |l| format!("of {}", size(l)));
            streams::result(format!("folder  {}", folder.display()));
            streams::result(format!("builds  {}", found.entries));
            streams::result(format!("size    {} ({of})", size(found.bytes)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn prune(args: &CachePruneArgs) -> Result<ExitCode, Failure> {
    let limit = match &args.size {
        Some(text) => Cache::parse_size(text)?,
        None => limit()?,
    };
    let (folder, cache) = opened(args.of.cache.as_ref())?;
    let removed = match cache {
        None => CacheSize {
            entries: 0,
            bytes: 0,
        },
        Some(cache) if args.all => cache.clear()?,
        Some(cache) => cache.prune(limit)?,
    };
    match args.of.message_format {
        MessageFormat::Json => json::print(&Event::Pruned {
            path: path(&folder),
            entries: removed.entries,
            bytes: removed.bytes,
        }),
        MessageFormat::Human => streams::result(format!(
            "removed {} ({}) from {}",
            count(removed.entries, "stored build"),
            size(removed.bytes),
            folder.display()
        )),
    }
    Ok(ExitCode::SUCCESS)
}

fn verify_source(args: &CacheVerifyArgs, style: Style) -> Result<ExitCode, Failure> {
    let (folder, _) = opened(args.build.run.cache.as_ref())?;
    let verified = || exit_code(&builds::verify_cached(&args.build, &folder, style));
    Ok(signals::relayed(verified))
}

fn verify(args: &CacheVerifyArgs, style: Style) -> Result<ExitCode, Failure> {
    let run = &args.build.run;
    let (folder, cache) = opened(run.cache.as_ref())?;
    let (entries, damaged) = match cache {
        Some(cache) => {
            let check = cache.verify()?;
            (check.entries, check.damaged)
        }
        None => (0, Vec::new()),
    };
    let success = damaged.is_empty();
    tell_damaged(&damaged, run.message_format, style);
    match run.message_format {
        MessageFormat::Json => json::print(&Event::Verified { entries, success }),
        MessageFormat::Human => streams::result(format!(
            "{} in {}, {} damaged",
            count(entries, "stored build"),
            folder.display(),
            damaged.len()
        )),
    }
    Ok(match success {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn tell_damaged(damaged: &[PathBuf], format: MessageFormat, style: Style) {
    let mut progress = Progress::new(UiOptions::new(style, false));
    let show = |file: &Path| format!("{} was damaged. kbuild-rs has removed it", file.display());
    for file in damaged {
        match format {
            MessageFormat::Json => json::print(&Event::Problem { path: path(file) }),
            MessageFormat::Human => progress.error(&show(file)),
        }
    }
}
