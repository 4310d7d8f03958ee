//! Names out of a module's tables, read in time that the file's size bounds. A module whose names
//! add up to more than eight times its file is therefore refused.

use super::invalid::Invalid;

/// Any number of symbols and sections may share one long name: the bytes read are counted.
/// Compilers share the ends of names, which adds little to the size of the file; a crafted file can
/// ask for the square of its size.
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

    /// Returns a name that was read.
    pub(crate) fn count<'a>(&mut self, name: &'a str) -> Result<&'a str, Invalid> {
        self.left = self
            .left
            .checked_sub(name.len())
            .ok_or(Invalid::Overlapping)?;
        Ok(name)
    }
}
