/// The words for the log.
pub(crate) fn word() -> &'static str {
    "first inner word"
}
