/// What is said.
pub(crate) const WORD: &str = "first word below";
