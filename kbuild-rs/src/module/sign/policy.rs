//! Whether a kernel will load modules that are signed like this.

use std::path::Path;

use super::super::target::Target;
use super::Signer;
use super::certificate::Certificate;
use super::known::{Known, System};
use crate::error::Advice;
use crate::syntax::shell_quote;
use crate::{Error, ErrorKind, Result};

/// Fails before any change if the kernel only loads modules that are signed by a key that it knows,
/// and these would not be: `signer` is none and a module has no signature, or the kernel does not
/// know the certificate. Gives a warning if that cannot be known.
///
/// For modules that are signed already ([`super::is_signed`]), leave the call out: who signed them may know the kernel
/// better than this system. `--unsigned` does the same.
pub(crate) fn check_policy(
    target: &Target,
    is_running_system: bool,
    signer: Option<&Signer>,
) -> Result<Option<Advice>> {
    let system = is_running_system.then(System::here);
    check(target, system.as_ref(), signer)
}

fn check(
    target: &Target,
    system: Option<&System>,
    signer: Option<&Signer>,
) -> Result<Option<Advice>> {
    let Some(reason) = reason(target, system) else {
        return Ok(None);
    };
    let release = &target.release;
    let Some(signer) = signer else {
        return Err(unsigned(release, &reason));
    };
    let certificate = &signer.certificate;
    let known = match (is_of_tree(target, certificate), system) {
        (true, _) => Known::Yes,
        (false, Some(system)) => system.knows(certificate, release),
        (false, None) => Known::Unclear,
    };
    let shown = format!("{} ({})", certificate.path().display(), certificate.name());
    match known {
        Known::Yes => Ok(None),
        Known::No => Err(unknown(
            &format!("the kernel {release} {reason}, and it does not know the certificate {shown}"),
            certificate,
            system.is_none_or(System::has_uefi),
        )),
        Known::Pending => Ok(Some(Advice::new(
            "certificate-not-enrolled",
            format!(
                "the certificate {shown} waits for its enrolment: start the machine again, and \
                 confirm it there. Until then, the kernel {release} does not load these modules"
            ),
        ))),
        Known::Unclear => Ok(Some(Advice::new(
            "unknown-certificate",
            format!(
                "the kernel {release} {reason}. kbuild-rs cannot see whether it knows the certificate \
                 {shown}"
            ),
        ))),
    }
}

/// Why a kernel refuses modules without a good signature: the end of a sentence about it.
pub(super) fn reason(target: &Target, system: Option<&System>) -> Option<String> {
    const ONLY: &str = "only loads signed modules";
    let is_on = |name| target.config(name) == Some("y");
    if target.config.is_some() && !is_on("MODULE_SIG") {
        return None;
    }
    if is_on("MODULE_SIG_FORCE") {
        return Some(format!("{ONLY} (CONFIG_MODULE_SIG_FORCE)"));
    }
    let system = system?;
    if system.line("sys/module/module/parameters/sig_enforce") == "Y" {
        return Some(format!("{ONLY} (module.sig_enforce)"));
    }
    // `none [integrity] confidentiality`
    let lockdown = system.line("sys/kernel/security/lockdown");
    let (_, level) = lockdown.split_once('[')?;
    let (level, _) = level.split_once(']')?;
    (level != "none").then(|| format!("{ONLY} (lockdown: {level})"))
}

/// Whether it is the certificate that the kernel was built with.
fn is_of_tree(target: &Target, certificate: &Certificate) -> bool {
    target.tree.as_ref().is_some_and(|tree| {
        let own = Certificate::read(&tree.dir().join("certs/signing_key.x509"));
        own.is_ok_and(|own| own.der() == certificate.der())
    })
}

fn unsigned(release: &str, reason: &str) -> Error {
    let advice = "sign the modules, or install them as they are";
    Error::new(
        ErrorKind::SignatureRequired,
        format!(
            "the kernel {release} {reason}, and these modules have no signature; nothing was \
             changed. Sign them:\n    --sign\nor install them as they are:\n    --unsigned"
        ),
    )
    .advise(Advice::new("unsigned-modules", advice))
}

fn unknown(what: &str, certificate: &Certificate, has_uefi: bool) -> Error {
    let (how, command) = match has_uefi {
        true => enrolment(certificate),
        false => {
            let how = "This machine does not start from UEFI, so certificates cannot be enrolled. \
                       Sign with the key that this kernel was built with, or build the kernel with \
                       the certificate (CONFIG_SYSTEM_TRUSTED_KEYS)";
            (how.to_owned(), None)
        }
    };
    let advice = Advice::new("certificate-not-enrolled", how.clone());
    Error::new(
        ErrorKind::SignatureRequired,
        format!(
            "{what}; nothing was changed. {how}\nTo install the modules anyway:\n    \
             --unsigned"
        ),
    )
    .advise(match command {
        Some(command) => advice.with_command(command),
        None => advice,
    })
}

/// How to make a certificate known to the kernels of this machine.
fn enrolment(certificate: &Certificate) -> (String, Option<Vec<String>>) {
    const ENROL: &str = "Enrol the certificate as root, start the machine again, and confirm it \
                         there:";
    let import = |path: &Path| format!("    mokutil --import {}", shell_quote(path.as_os_str()));
    let path = certificate.path();
    if certificate.is_der_file() {
        let words = ["mokutil", "--import"].map(str::to_owned);
        let command = words.into_iter().chain([path.display().to_string()]);
        return (
            format!("{ENROL}\n{}", import(path)),
            Some(command.collect()),
        );
    }
    // mokutil only takes DER.
    let der = path.with_extension("der");
    let convert = format!(
        "    openssl x509 -in {} -outform DER -out {}",
        shell_quote(path.as_os_str()),
        shell_quote(der.as_os_str())
    );
    (format!("{ENROL}\n{convert}\n{}", import(&der)), None)
}

#[cfg(test)]
mod tests;
