//! The clock that file systems take file times from.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::signals;
use super::write::Writer;
use crate::{Error, Result};

/// This machine's clock for file times. It moves in ticks of up to 10 ms.
pub(crate) fn file_clock() -> Duration {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// The longest time that a file system's clock may stand still. The coarsest one in use counts by
/// two seconds.
const LIMIT: Duration = Duration::from_secs(5);

/// The file that [`wait_for_tick`] reads while it waits.
struct Watch<'a> {
    /// This machine's clock.
    own: &'a dyn Fn() -> Duration,
    /// The file system's clock, read from the time that a write gives to this file.
    stamp: &'a dyn Fn(&File) -> std::io::Result<Duration>,
    /// Returns an error to end the wait.
    check: &'a dyn Fn() -> Result<()>,
    limit: Duration,
}

/// Waits until the clock of the file system that holds `folder` has passed `since`, the time of a
/// file there. Later changes then have a later time than all existing files.
///
/// Another machine's clock (NFS, folders that a host shares) may be hours from ours. So only that
/// file system's own times are compared.
///
/// # Errors
/// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped), and
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when the clock stands still.
pub(crate) fn wait_for_tick(writer: &Writer, folder: &Path, since: Duration) -> Result<()> {
    let watch = Watch {
        own: &file_clock,
        stamp: &stamp,
        check: &signals::check,
        limit: LIMIT,
    };
    watch.wait(writer, folder, since)
}

impl Watch<'_> {
    fn wait(&self, writer: &Writer, folder: &Path, since: Duration) -> Result<()> {
        let first = (self.own)();
        // This machine's clock can be read without writing a file.
        let is_ours = first.abs_diff(since) < Duration::from_secs(1);
        let probe = folder.join("tick");
        let mut file = None;
        let started = Instant::now();
        let ended = loop {
            if let Err(stopped) = (self.check)() {
                break Err(stopped);
            }
            let own = (self.own)();
            if is_ours && own > since {
                break Ok(());
            }
            if !is_ours || own == first && started.elapsed() > Duration::from_millis(100) {
                let file = match &file {
                    Some(file) => file,
                    None => file.insert(writer.create(&probe, 0o600)?),
                };
                match (self.stamp)(file) {
                    Ok(now) if now > since => break Ok(()),
                    Ok(_) => {}
                    Err(e) => break Err(Error::writing("write", &probe, e)),
                }
            }
            if started.elapsed() > self.limit {
                break Err(self.stands_still(folder));
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        if file.is_some() {
            let removed = writer.remove_file(&probe);
            return ended.and(removed.map(drop));
        }
        ended
    }

    fn stands_still(&self, folder: &Path) -> Error {
        Error::new(
            crate::ErrorKind::Io,
            format!(
                "the clock of the file system of {} stands still: a file written there is not \
                 newer than one written {} s ago. kbuild-rs notices changes by these times. Choose \
                 another output directory",
                folder.display(),
                self.limit.as_secs()
            ),
        )
    }
}

/// The time that the file system gives to a file written now.
fn stamp(mut file: &File) -> std::io::Result<Duration> {
    file.write_all(b".")?;
    let meta = file.metadata()?;
    Ok(Duration::new(
        u64::try_from(meta.ctime()).unwrap_or(0),
        u32::try_from(meta.ctime_nsec()).unwrap_or(0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::sys::root::Root;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Waits in a folder of its own for a tick of a clock. `stamp` is that clock's time of a file
    /// written now.
    fn wait(
        name: &str,
        since: Duration,
        stamp: &dyn Fn(&File) -> std::io::Result<Duration>,
        check: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        let dir = tempfile::Builder::new().prefix(name).tempdir().unwrap();
        let dir = dir.path();
        let writer = Writer::new([Root::open(dir).unwrap()]);
        let watch = Watch {
            own: &file_clock,
            stamp,
            check,
            limit: Duration::from_millis(200),
        };
        let ended = watch.wait(&writer, dir, since);
        assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0, "{name}");
        ended
    }

    #[test]
    fn a_clock_that_is_hours_from_ours_is_waited_for_by_itself() {
        let ahead = |file: &File| stamp(file).map(|now| now + HOUR);
        wait("ahead", file_clock() + HOUR, &ahead, &|| Ok(())).unwrap();
        let behind = |file: &File| stamp(file).map(|now| now - HOUR);
        wait("behind", file_clock() - HOUR, &behind, &|| Ok(())).unwrap();
        wait("ours", file_clock(), &stamp, &|| Ok(())).unwrap();
    }

    #[test]
    fn a_clock_that_does_not_move_is_an_error_and_no_hang() {
        for (name, since) in [
            ("still-ahead", file_clock() + HOUR),
            ("still-behind", file_clock() - HOUR),
        ] {
            let error = wait(name, since, &|_| Ok(since), &|| Ok(())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io);
            let said = error.to_string();
            assert!(
                said.contains("stands still") && said.contains(name),
                "{said}"
            );
        }
        // The clock was set back since: the wait must not take an hour.
        let since = file_clock() + HOUR;
        assert!(wait("set-back", since, &stamp, &|| Ok(())).is_err());
    }

    #[test]
    fn a_signal_stops_the_wait_for_a_tick() {
        let since = file_clock() + HOUR;
        let asked = std::cell::Cell::new(0);
        let check = || {
            asked.set(asked.get() + 1);
            match asked.get() {
                ..4 => Ok(()),
                _ => Err(Error::new(ErrorKind::Stopped, "stopped")),
            }
        };
        let error = wait("stopped", since, &|_| Ok(since), &check).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stopped);
    }
}
