//! The clock that file systems stamp with.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::Writer;
use crate::{Error, Result, signals};

/// This machine's clock for file times: it moves in ticks of up to 10 ms.
pub(crate) fn file_clock() -> Duration {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// So long a file system's clock may stand still: the coarsest in use counts by two seconds.
const LIMIT: Duration = Duration::from_secs(5);

/// Waits until the clock of the file system that holds `folder` shows more than `since`, the time
/// of a file there: what changes from then on cannot have a time that was there before.
///
/// Another machine's clock (NFS, folders that a host shares) may be hours from ours, so it is that
/// file system's own stamps that are compared.
///
/// # Errors
/// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped), and
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when the clock stands still.
pub(crate) fn wait_for_tick(writer: &Writer, folder: &Path, since: Duration) -> Result<()> {
    let first = file_clock();
    // Where it is this machine's clock, nothing has to be written to see it move.
    let is_ours = first.abs_diff(since) < Duration::from_secs(1);
    let probe = folder.join("tick");
    let mut file = None;
    let started = Instant::now();
    loop {
        signals::check()?;
        let own = file_clock();
        if is_ours && own > since {
            break;
        }
        if !is_ours || own == first && started.elapsed() > Duration::from_millis(100) {
            let file = match &file {
                Some(file) => file,
                None => file.insert(writer.create(&probe, 0o600)?),
            };
            if stamp(file).map_err(|e| Error::io("write", &probe, e))? > since {
                break;
            }
        }
        if started.elapsed() > LIMIT {
            writer.remove_file(&probe)?;
            return Err(Error::new(
                crate::ErrorKind::Io,
                format!(
                    "the clock of the file system that holds {} stands still: a file written \
                     there is no younger than one written {} s ago. kbuild-rs tells by these \
                     times what has changed; choose another output directory",
                    folder.display(),
                    LIMIT.as_secs()
                ),
            ));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    match file {
        Some(_) => writer.remove_file(&probe).map(drop),
        None => Ok(()),
    }
}

/// The time that a write gives a file now.
fn stamp(mut file: &File) -> std::io::Result<Duration> {
    file.write_all(b".")?;
    let meta = file.metadata()?;
    Ok(Duration::new(
        u64::try_from(meta.ctime()).unwrap_or(0),
        u32::try_from(meta.ctime_nsec()).unwrap_or(0),
    ))
}
