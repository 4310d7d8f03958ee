//! The key that a call signs with. All verbs that sign ask here.

use std::path::Path;

use kbuild::{Kernel, Signer};

use crate::args::{KeyArgs, SigningArgs};
use crate::ui::failure::Failure;

/// The signer of `install` and its kin; `None` if the modules stay as they are.
pub(super) fn of_install(
    args: &SigningArgs,
    kernel: Option<&Kernel>,
) -> Result<Option<Signer>, Failure> {
    match args.sign || args.key.key.is_some() {
        true => signer(&args.key, kernel).map(Some),
        false => Ok(None),
    }
}

/// Says whose key signs, if nobody named one.
pub(super) fn note(signer: &Signer) -> Option<String> {
    let origin = signer.origin()?;
    Some(format!(
        "signing with the key of {origin}: {}",
        signer.key()
    ))
}

/// The signer that the flags name, else the one of the key that this system has; `kernel` is the tree
/// whose own key counts, too.
pub(super) fn signer(args: &KeyArgs, kernel: Option<&Kernel>) -> Result<Signer, Failure> {
    let signer = match (&args.key, &args.cert) {
        (Some(key), Some(certificate)) => Signer::open(key, certificate)?,
        // One PEM file may hold both.
        (Some(key), None) if !key.starts_with("pkcs11:") => Signer::open(key, Path::new(key))?,
        // The URI may have a PIN that should not be there.
        (Some(_), None) => {
            return Err(Failure::wrong_call(
                "the key is on a token, and its certificate is missing: add --cert FILE",
            ));
        }
        (None, Some(certificate)) => {
            return Err(Failure::wrong_call(format!(
                "the certificate {} needs its key: add --key FILE, or a PKCS#11 URI",
                certificate.display()
            )));
        }
        (None, None) => Signer::find(kernel)?,
    };
    match &args.hash {
        Some(hash) => Ok(signer.hash(hash)?),
        None => Ok(signer),
    }
}
