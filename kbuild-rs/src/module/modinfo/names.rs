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
        self.spend(name.len())?;
        Ok(name)
    }

    /// Counts bytes that are read.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), Invalid> {
        self.left = self.left.checked_sub(bytes).ok_or(Invalid::Overlapping)?;
        Ok(())
    }
}

/// The text at a place, which a NUL ends.
pub(super) fn string_at(data: &[u8], offset: u64) -> Option<String> {
    let text = data.get(usize::try_from(offset).ok()?..)?;
    let end = text.iter().position(|byte| *byte == 0)?;
    (end > 0).then(|| String::from_utf8_lossy(&text[..end]).into_owned())
}

/// The bytes that are read to find the end of a text.
pub(super) fn length_at(data: &[u8], offset: u64) -> usize {
    let place = usize::try_from(offset).ok();
    let text = place.and_then(|at| data.get(at..)).unwrap_or_default();
    let end = text.iter().position(|byte| *byte == 0);
    end.unwrap_or(text.len())
}
