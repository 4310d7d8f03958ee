/// The words for the log.
pub(crate) const WORD: &str = "first word below";
