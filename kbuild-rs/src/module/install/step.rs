//! The steps of a transaction, as tests count them. In the program, a step only asks whether a signal
//! wants this process to stop.

use crate::Result;
use crate::sys::Signals;

/// Passes a step of a change that may still be given up.
pub(super) fn step() -> Result<()> {
    Signals::check()?;
    point()
}

/// Passes a step that a signal must not end: the change is being finished, or undone.
pub(super) fn point() -> Result<()> {
    #[cfg(test)]
    fault::at_step()?;
    Ok(())
}

#[cfg(test)]
pub(super) mod fault {
    use std::cell::Cell;

    use crate::{Error, Result};

    /// What happens at a step.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub(in crate::module::install) enum Fault {
        None,
        /// The process ends there, as if it was killed.
        Kill,
        /// The disk is full.
        DiskFull,
        /// A signal asks to stop.
        Stop,
    }

    thread_local! {
        static FAULT: Cell<(Fault, usize)> = const { Cell::new((Fault::None, 0)) };
    }

    /// `fault` happens at the `n`th step from now.
    pub(in crate::module::install) fn set(fault: Fault, n: usize) {
        FAULT.set((fault, n));
    }

    /// Whether the step was not reached; there is no fault any more.
    pub(in crate::module::install) fn clear() -> bool {
        FAULT.replace((Fault::None, 0)).0 != Fault::None
    }

    pub(super) fn at_step() -> Result<()> {
        match FAULT.get() {
            (Fault::None, _) => Ok(()),
            (fault, 0) => {
                FAULT.set((Fault::None, 0));
                match fault {
                    Fault::Kill => std::panic::resume_unwind(Box::new("killed")),
                    Fault::Stop => Err(crate::sys::signals::stopped(15, "")),
                    _ => Err(Error::of_system(
                        "cannot write: No space left on device".to_owned(),
                        std::io::ErrorKind::StorageFull.into(),
                    )),
                }
            }
            (fault, n) => {
                FAULT.set((fault, n - 1));
                Ok(())
            }
        }
    }
}
