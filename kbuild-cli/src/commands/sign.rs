//! `kbuild-rs sign`: appends signatures to modules.

use std::path::Path;
use std::process::ExitCode;

use kbuild::{Advice, ErrorKind, Kernel, Message, SignFile, Signals, Signed};
use serde::Serialize;

use super::signing;
use crate::args::{MessageFormat, SignArgs};
use crate::process::signals;
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
        hash: Option<&'a str>,
        /// A path, or a URI without a PIN.
        key: Option<&'a str>,
        certificate: Option<&'a str>,
        /// Whether another signature went.
        replaced: bool,
    },
    /// The digest that a key elsewhere has to sign.
    DigestWritten {
        release: &'a str,
        name: &'a str,
        path: String,
        hash: &'a str,
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
    // A signal ends the program between two modules, so that no temporary file stays behind.
    signals::relayed(|| {
        if let Err(failure) = call.all() {
            call.fail(failure);
        }
        if call.is_json() {
            let success = call.failures.is_empty();
            json::print(&Event::SignFinished { success });
        }
        exit_code(&call.failures)
    })
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
        if let Some(flag) = self.two_phases() {
            let [module] = &*args.modules else {
                return Err(Failure::wrong_call(format!(
                    "{flag} takes one module, but this call names several: call once for each"
                )));
            };
            return self.one_phase(&self.file(module, kernel.as_ref())?);
        }
        let signer = signing::signer(&args.key, kernel.as_ref())?;
        if let Some(text) = signing::note(&signer) {
            match self.is_json() {
                true => json::print(&Message::Note { text: &text }),
                false => self.progress.chatter(&format!("note: {text}")),
            }
        }
        for module in &args.modules {
            Signals::check()?;
            match self.file(module, kernel.as_ref())?.sign(&signer) {
                Ok(signed) => {
                    let certificate = json::path(signer.certificate());
                    self.tell(&signed, Some(&signer.key()), Some(&certificate));
                }
                Err(error) => self.fail(error.into()),
            }
        }
        Ok(())
    }

    /// The flag of a signature in two calls.
    fn two_phases(&self) -> Option<&'static str> {
        let digest = self.args.digest_out.as_ref().map(|_| "--digest-out");
        digest.or(self.args.signature_in.as_ref().map(|_| "--signature-in"))
    }

    fn file(&self, module: &Path, kernel: Option<&Kernel>) -> Result<SignFile, Failure> {
        let args = self.args;
        let mut file = SignFile::new(module).dry_run(args.dry_run);
        if let Some(output) = &args.output {
            file = file.output(output);
        }
        if let Some(kernel) = kernel {
            file = file.kernel(kernel.clone());
        }
        if let Some(hash) = &args.key.hash {
            file = file.hash(hash)?;
        }
        Ok(file)
    }

    fn one_phase(&mut self, file: &SignFile) -> Result<(), Failure> {
        let args = self.args;
        if let Some(digest) = &args.digest_out {
            let written = file.write_digest(digest)?;
            self.tell_digest(&written);
        }
        if let Some(signature) = &args.signature_in {
            let certificate = args.key.cert.as_deref();
            let (signed, warning) = file.attach(signature, certificate)?;
            if let Some(warning) = warning {
                self.warn(&warning);
            }
            self.tell(&signed, None, certificate.map(json::path).as_deref());
        }
        Ok(())
    }

    fn tell(&mut self, signed: &Signed, key: Option<&str>, certificate: Option<&str>) {
        let hash = signed.hash.as_deref();
        if self.is_json() {
            return json::print(&Event::ModuleSigned {
                release: &signed.release,
                name: &signed.name,
                path: json::path(&signed.path),
                hash,
                key,
                certificate,
                replaced: signed.replaced,
            });
        }
        let what = match (self.args.dry_run, signed.replaced) {
            (false, false) => "signed",
            (false, true) => "replaced the signature of",
            (true, false) => "would sign",
            (true, true) => "would replace the signature of",
        };
        let key = key.map(|key| format!(" with {key}")).unwrap_or_default();
        let hash = hash.map(|hash| format!(", {hash}")).unwrap_or_default();
        let (name, release) = (&signed.name, &signed.release);
        self.progress
            .chatter(&format!("{what} {name} ({release}){key}{hash}"));
        streams::result(signed.path.as_os_str().as_encoded_bytes());
    }

    fn tell_digest(&mut self, written: &Signed) {
        let hash = written.hash.as_deref().unwrap_or_default();
        if self.is_json() {
            return json::print(&Event::DigestWritten {
                release: &written.release,
                name: &written.name,
                path: json::path(&written.path),
                hash,
            });
        }
        let what = match self.args.dry_run {
            false => "wrote the digest of",
            true => "would write the digest of",
        };
        let (name, release) = (&written.name, &written.release);
        self.progress
            .chatter(&format!("{what} {name} ({release}), {hash}"));
        streams::result(written.path.as_os_str().as_encoded_bytes());
    }

    fn warn(&mut self, warning: &Advice) {
        match self.is_json() {
            true => json::print(&Message::Warning {
                code: warning.code(),
                text: warning.text(),
            }),
            false => self.progress.warning(warning.text()),
        }
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
