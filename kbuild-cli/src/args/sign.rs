//! The flags of `kbuild-rs sign`, and those that all verbs share which sign.

use std::path::PathBuf;

use clap::Args;

use super::help;
use super::output::MessageFormat;

/// `kbuild-rs sign`.
#[derive(Debug, Args)]
#[command(after_help = help::SIGN_EXAMPLES)]
pub(crate) struct SignArgs {
    /// Module (.ko), signed in place.
    #[arg(value_name = "KO", required = true)]
    pub(crate) modules: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Kernel of the module: a release, or the path of a kernel tree. kbuild-rs takes the hash and
    /// sign-file from it. Default: the installed kernel that the module was built for.
    #[arg(long, value_name = "KERNEL")]
    pub(crate) kernel: Option<String>,
    /// Write the signed module to this file or folder, and leave the module as it is.
    #[arg(short, long, value_name = "FILE|DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Write the digest of the module to this file, for a key that never leaves its hardware. The
    /// module stays as it is.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "cert", "output", "signature_in"])]
    pub(crate) digest_out: Option<PathBuf>,
    /// Append the signature in this file: a detached PKCS#7 message, or the signature of the digest.
    /// With --cert, kbuild-rs checks it.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(crate) signature_in: Option<PathBuf>,
    /// Check key, certificate and modules, and show what would be signed. Changes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print only warnings and errors.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Output format.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}

/// The key of a signature.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Private key: a PEM file, or a PKCS#11 URI (`pkcs11:…`). KBUILD_SIGN_PIN in the environment is
    /// its passphrase or PIN. Default: the key that this system has for modules.
    #[arg(long, value_name = "FILE|URI")]
    pub(crate) key: Option<String>,
    /// Certificate of the key, in PEM or DER. Default: the one in the file with the key.
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Hash of the signature. Default: the one that the kernel is configured for.
    #[arg(long, value_name = "NAME")]
    pub(crate) hash: Option<String>,
}

/// Whether and how modules are signed on the way to their place.
#[derive(Debug, Args)]
pub(crate) struct SigningArgs {
    /// Sign the modules. --key implies it.
    #[arg(long)]
    pub(crate) sign: bool,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Go on even if the kernel would refuse the modules, because they are not signed or because it
    /// does not know the certificate.
    #[arg(long)]
    pub(crate) unsigned: bool,
}
