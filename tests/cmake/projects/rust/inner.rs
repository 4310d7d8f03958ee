/// What is said.
pub(crate) fn word() -> &'static str {
    "first inner word"
}
