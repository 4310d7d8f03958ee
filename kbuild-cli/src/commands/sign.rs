//! `kbuild-rs sign`: appends signatures to modules.

use std::process::ExitCode;

use kbuild::{Advice, ErrorKind, Kernel, SignFile, Signed, Signer};
use serde::Serialize;

use super::signing;
use crate::args::{MessageFormat, SignArgs};
use crate::ui::failure::{Failure, exit_code};
use crate::ui::json;
use crate::ui::options::UiOptions;
use crate::ui::progress::Progress;
use crate::ui::streams;
use crate::ui::style::Style;

/// What `sign` reports in JSON.
#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Event<'a> {
    /// A module that was signed, or would be with `--dry-run`.
    ModuleSigned {
        release: &'a str,
        name: &'a str,
        path: String,
        hash: &'a str,
        /// A path, or a URI without a PIN.
        key: &'a str,
        certificate: &'a str,
        /// Whether another signature went.
        replaced: bool,
    },
    /// A module that could not be signed, or a key that cannot be used.
    Error {
        kind: ErrorKind,
        message: String,
        advice: &'a [Advice],
    },
    /// The last line.
    SignFinished { success: bool },
}

/// One call.
struct Call<'a> {
    args: &'a SignArgs,
    progress: Progress,
    failures: Vec<Failure>,
}

pub(super) fn run(args: &SignArgs, style: Style) -> ExitCode {
    let mut call = Call {
        args,
        progress: Progress::new(UiOptions::new(style, args.quiet)),
        failures: Vec::new(),
    };
    if let Err(failure) = call.all() {
        call.fail(failure);
    }
    if call.is_json() {
        let success = call.failures.is_empty();
        json::print(&Event::SignFinished { success });
    }
    exit_code(&call.failures)
}

impl Call<'_> {
    fn is_json(&self) -> bool {
        self.args.message_format == MessageFormat::Json
    }

    fn all(&mut self) -> Result<(), Failure> {
        let args = self.args;
        let several = args.modules.len() > 1;
        if let Some(file) = args.output.as_ref().filter(|o| several && !o.is_dir()) {
            return Err(Failure::wrong_call(format!(
                "--output {} is not a folder, but this call signs several modules: name an existing \
                 folder",
                file.display()
            )));
        }
        let kernel = args.kernel.as_deref().map(Kernel::find).transpose()?;
        let signer = signing::signer(&args.key, kernel.as_ref())?;
        for module in &args.modules {
            let mut file = SignFile::new(module).dry_run(args.dry_run);
            if let Some(output) = &args.output {
                file = file.output(output);
            }
            if let Some(kernel) = &kernel {
                file = file.kernel(kernel.clone());
            }
            match file.sign(&signer) {
                Ok(signed) => self.tell(&signed, &signer),
                Err(error) => self.fail(error.into()),
            }
        }
        Ok(())
    }

    fn tell(&mut self, signed: &Signed, signer: &Signer) {
        let (key, certificate) = (signer.key(), signer.certificate());
        if self.is_json() {
            return json::print(&Event::ModuleSigned {
                release: &signed.release,
                name: &signed.name,
                path: json::path(&signed.path),
                hash: &signed.hash,
                key: &key,
                certificate: &json::path(certificate),
                replaced: signed.replaced,
            });
        }
        let what = match (self.args.dry_run, signed.replaced) {
            (false, false) => "signed",
            (false, true) => "replaced the signature of",
            (true, false) => "would sign",
            (true, true) => "would replace the signature of",
        };
        self.progress.chatter(&format!(
            "{what} {} ({}) with {key}, {}",
            signed.name, signed.release, signed.hash
        ));
        streams::result(signed.path.as_os_str().as_encoded_bytes());
    }

    fn fail(&mut self, failure: Failure) {
        match self.is_json() {
            true => json::print(&Event::Error {
                kind: failure.kind(),
                message: failure.to_string(),
                advice: failure.advice(),
            }),
            false => self.progress.error(&failure.to_string()),
        }
        self.failures.push(failure);
    }
}
