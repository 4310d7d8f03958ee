//! Names out of a module's tables, read in time that the file's size bounds. A module whose names
//! add up to more than eight times its file is therefore refused.

use super::invalid::Invalid;

/// Any number of symbols and sections may share one long name: what is read is counted. Compilers
/// share the ends of names, which is a little more than the file; a file made for it asks for the
/// square.
pub(crate) struct Names {
    left: usize,
}

impl Names {
    /// For a file of so many bytes.
    pub(crate) fn of(size: usize) -> Names {
        Names {
            left: size.saturating_mul(8).saturating_add(1 << 20),
        }
    }

    /// Gives a name that was read.
    pub(crate) fn count<'a>(&mut self, name: &'a str) -> Result<&'a str, Invalid> {
        self.left = self
            .left
            .checked_sub(name.len())
            .ok_or(Invalid::Overlapping)?;
        Ok(name)
    }
}
