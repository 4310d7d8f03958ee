//! Power cuts: emulated on an output directory and on a root, and real ones of a guest that installs into
//! its disk.

mod emulated;
mod guest;
mod installed;

use super::works::Works;
use super::{Attempt, Kind, Prepared, Scene, Setup};
use crate::Result;
use guest::{FILE_SYSTEMS, Guests};

pub(super) const KIND: Kind = Kind {
    name: "power",
    about: "files without their last bytes; a guest that is cut off on ext4, xfs and btrfs",
    few: 3,
    // Fifteen guests, with one or two cuts each.
    many: 180,
    scene,
};

/// Of so many attempts, the second to last has a guest, which takes ten times as long as another. The
/// few attempts of the tests have none.
const GUEST: u64 = 12;

struct Power {
    works: Works,
    /// Prepared by the first attempt with a guest.
    guests: Option<Guests>,
    /// The file systems that this machine does not have, with the reasons.
    missing: Vec<String>,
}

fn scene(setup: &Setup) -> Result<Prepared> {
    Ok(Prepared::Ready(Box::new(Power {
        works: Works::new(setup)?,
        guests: None,
        missing: Vec::new(),
    })))
}

impl Scene for Power {
    fn attempt(&mut self, attempt: &mut Attempt) -> Result<()> {
        let (round, place) = (attempt.number() / GUEST, attempt.number() % GUEST);
        match place {
            10 => {}
            place if place % 3 == 2 => return installed::attempt(&self.works.rooted, attempt),
            _ => return emulated::attempt(&self.works, attempt),
        }
        if self.guests.is_none() {
            self.guests = Some(Guests::new(&self.works.rooted)?);
        }
        let Some(guests) = &self.guests else {
            return Ok(());
        };
        let system = FILE_SYSTEMS[round as usize % FILE_SYSTEMS.len()];
        attempt.say(system);
        match guests.prepare(system) {
            Ok(()) => guests.attempt(system, attempt),
            Err(reason) => {
                let line = format!("{system}: {reason}");
                if !self.missing.contains(&line) {
                    self.missing.push(line);
                }
                emulated::attempt(&self.works, attempt)
            }
        }
    }

    fn left_out(&self) -> Vec<String> {
        self.missing.clone()
    }
}
