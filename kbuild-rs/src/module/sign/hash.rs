//! The hash of a signature.

use super::super::target::Target;
use crate::error::Advice;
use crate::{Error, ErrorKind, Result};

/// The hash that a kernel is configured for: `CONFIG_MODULE_SIG_HASH`.
pub(super) fn of(target: &Target) -> Result<String> {
    if let Some(hash) = target
        .config("MODULE_SIG_HASH")
        .filter(|hash| !hash.is_empty())
    {
        return check(hash).map(|()| hash.to_owned());
    }
    let release = &target.release;
    let why = match target.config.is_some() {
        true => format!(
            "the kernel {release} does not check signatures (CONFIG_MODULE_SIG is off), so its \
             configuration names no hash. Leave the signature out, or choose a hash"
        ),
        false => format!(
            "the configuration of the kernel {release} was not found, so the hash for the signature \
             is not known. Name the kernel tree (--kernel), or choose a hash"
        ),
    };
    let example = "--hash sha256";
    Err(
        Error::new(ErrorKind::KernelConfig, format!("{why}:\n    {example}"))
            .advise(Advice::new("unknown-hash", format!("{why}: {example}"))),
    )
}

/// Fails unless this is a name: it becomes an argument.
pub(super) fn check(name: &str) -> Result<()> {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match is_plain && name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => Ok(()),
        false => Err(Error::input(format!(
            "{name:?} is not the name of a hash: expected one such as sha256, sha512 or sha3-256 \
             (--hash)"
        ))),
    }
}
