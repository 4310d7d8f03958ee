//! The comparisons that are about a module as a whole.

use super::btf;
use super::facts::Facts;
use super::report::{CheckFaultKind, Findings};
use super::subject::{Elf, Subject};
use super::symbols::{Crc, Owner};
use crate::module::sign::{Standing, Verifier};
use crate::syntax::shell_quote;

/// From this version on, the kernel compares the size of `struct module`.
const COMPARES_SIZE: (u32, u32) = (6, 4);

/// What the kernel says about a signature. `enforced`: why it refuses modules without a good one.
pub(super) fn signature(
    facts: &Facts,
    verifier: &Verifier<'_>,
    enforced: Option<String>,
    module: &[u8],
    findings: &mut Findings,
) {
    let has_signing = facts
        .target
        .as_ref()
        .is_some_and(|target| target.config.is_none() || target.config("MODULE_SIG") == Some("y"));
    if !has_signing && (enforced.is_none() || facts.tree.is_some()) {
        if enforced.is_some() {
            findings.note(format!(
                "the kernel {} does not check signatures (CONFIG_MODULE_SIG is off)",
                facts.shown
            ));
        }
        return;
    }
    let mut refused = |what: &str, reason: &str, mend: String| {
        let is_locked = reason.contains("lockdown") || reason.contains("LOCK_DOWN");
        let message = match is_locked {
            true => "Lockdown: unsigned module loading is restricted".to_owned(),
            false => format!("Loading of {what} is rejected"),
        };
        findings.fault(CheckFaultKind::Signature, message, mend);
    };
    let sign = "sign it with a key that this kernel knows:\n    kbuild-rs sign FILE".to_owned();
    match (verifier.standing(module), enforced) {
        (Standing::Good, _) => {}
        (Standing::Unsigned, Some(reason)) => {
            let mend = format!("the kernel {reason}; {sign}");
            refused("unsigned module", &reason, mend);
        }
        (Standing::UnknownKey(signer), Some(reason)) => {
            let mend = format!("the kernel {reason}, and it does not know {signer}; {sign}");
            refused("module with unavailable key", &reason, mend);
        }
        (Standing::Unsupported, Some(reason)) => {
            let mend = format!("the kernel {reason}, and only knows PKCS#7; {sign}");
            refused("module with unsupported crypto", &reason, mend);
        }
        (Standing::Unclear(what), Some(reason)) => findings.unclear(format!(
            "the kernel {reason}, and kbuild-rs cannot tell whether {what}. Name the \
             certificates that the kernel knows (--trusted-cert)"
        )),
        (Standing::Unverified(what), _) => findings.unclear(format!(
            "{what}; a kernel that knows the key refuses a wrong signature even if signatures are \
             optional"
        )),
        (Standing::Refused(message), _) => findings.fault(
            CheckFaultKind::Signature,
            message.to_owned(),
            "kernels refuse signatures of this form even if signatures are optional; sign it \
             again:\n    kbuild-rs sign FILE"
                .to_owned(),
        ),
        (Standing::Damaged(what), _) => findings.fault(
            CheckFaultKind::Signature,
            format!("the module {what}"),
            "build it again, and sign it again".to_owned(),
        ),
        (Standing::Rejected(signer), _) => findings.fault(
            CheckFaultKind::Signature,
            "Key was rejected by service".to_owned(),
            format!(
                "the module was changed after {signer} signed it. The kernel refuses such a module even \
                 if signatures are optional; sign it again"
            ),
        ),
        (_, None) => findings.note(
            "the kernel will be tainted (module verification failed: signature and/or required key \
             missing)"
                .to_owned(),
        ),
    }
}

/// Everything else that the kernel compares before it looks at symbols.
pub(super) fn before_symbols(facts: &Facts, module: &Subject, findings: &mut Findings) {
    architecture(facts, module, findings);
    size(facts, module, findings);
    if module.versions.is_torn && facts.is_from((6, 14)) == Some(true) {
        findings.fault(
            CheckFaultKind::NoSymbolVersion,
            "extended version crc+name presence does not match".to_owned(),
            rebuild(facts),
        );
    }
    if module.versions.lacks_names && facts.is_from((6, 14)) == Some(true) {
        findings.fault(
            CheckFaultKind::NoSymbolVersion,
            "more extended version crcs than names".to_owned(),
            rebuild(facts),
        );
    }
    let layout = "module_layout";
    let mut offers = facts.symbols.of(layout).iter();
    if let Some(offer) = offers.find(|offer| offer.owner == Owner::Kernel) {
        version(facts, module, (layout, offer.crc), findings);
    }
    vermagic(facts, module, findings);
    if module.field("livepatch").is_some() && facts.is_on("LIVEPATCH") == Some(false) {
        findings.fault(
            CheckFaultKind::Livepatch,
            "module is marked as livepatch module, but livepatch support is disabled".to_owned(),
            "use a kernel with CONFIG_LIVEPATCH, or remove MODULE_INFO(livepatch, …)".to_owned(),
        );
    }
    let code = module.writable_code.as_ref();
    if let (Some((name, number)), Some(true)) = (code, facts.is_on("STRICT_MODULE_RWX")) {
        findings.fault(
            CheckFaultKind::SectionFlags,
            format!("section {name} (index {number}) has invalid WRITE|EXEC flags"),
            format!("make the section {name} writable or executable, not both"),
        );
    }
    exports(facts, module, findings);
}

/// What the kernel compares at last.
pub(super) fn after_symbols(facts: &Facts, module: &Subject, findings: &mut Findings) {
    btf::compare(facts, module, findings);
    let name = &module.info.name;
    match facts.built_in.get(name) {
        Some(true) => findings.fault(
            CheckFaultKind::BuiltIn,
            "module is already loaded".to_owned(),
            format!(
                "the kernel {} has a module {name} built in; give yours another name",
                facts.shown
            ),
        ),
        Some(false) => findings.unclear(format!(
            "the kernel {} has a module {name} built in; if /sys/module/{name} exists there, it \
             refuses yours (module is already loaded). Give yours another name",
            facts.shown
        )),
        None if facts.in_tree.contains(name) && module.field("intree").is_none() => findings.note(format!(
            "the kernel {} has a module {name} of its own; only one of them can be loaded at a time",
            facts.shown
        )),
        None => {}
    }
}

/// What could not be compared for any module.
pub(super) fn notes(facts: &Facts) -> Vec<String> {
    let mut notes = Vec::new();
    if facts.tree.is_none() {
        notes.push(
            "a Module.symvers says nothing about vermagic, signatures and the architecture; \
             --kernel compares them"
                .to_owned(),
        );
    } else if let Some(word) = facts.vermagic.as_ref().map(|it| &it.stops_at) {
        if let Some(word) = word {
            notes.push(format!(
                "vermagic is only compared up to {word}, which the headers of the kernel {} do not contain",
                facts.shown
            ));
        }
    } else {
        notes.push(format!(
            "vermagic is not compared beyond the release: the kernel {} has no include/linux/vermagic.h",
            facts.shown
        ));
    }
    if facts.tree.is_some() && !facts.knows_built_in {
        notes.push(format!(
            "the names of built-in modules are not compared: neither the root nor the kernel tree has the \
             modules.builtin of {}",
            facts.shown
        ));
    }
    notes
}

/// The advice for a module of another build.
pub(super) fn rebuild(facts: &Facts) -> String {
    match &facts.tree {
        Some(tree) => format!(
            "build it against this kernel:\n    kbuild-rs build --kernel {}",
            shell_quote(tree.dir().as_os_str())
        ),
        None => format!("build it against the kernel of {}", facts.shown),
    }
}

fn architecture(facts: &Facts, module: &Subject, findings: &mut Findings) {
    let Some(own) = facts.elf().filter(|own| *own != module.elf) else {
        return;
    };
    let in_words = |elf: Elf| {
        let bits = if elf.is_64 { 64 } else { 32 };
        let end = if elf.is_little { "little" } else { "big" };
        format!("machine {}, {bits} bits, {end} endian", elf.machine)
    };
    findings.fault(
        CheckFaultKind::Architecture,
        format!("Invalid architecture in ELF header: {}", module.elf.machine),
        format!(
            "the module is for {} ({}), and the kernel for {} ({}); build it for that architecture",
            module.info.arch,
            in_words(module.elf),
            facts.tree.as_ref().map_or("", |tree| tree.arch()),
            in_words(own)
        ),
    );
}

fn size(facts: &Facts, module: &Subject, findings: &mut Findings) {
    let Some(sample) = facts.sample.as_ref().filter(|it| it.size != module.size) else {
        return;
    };
    let (own, size) = (sample.size, module.size);
    let sizes = format!(
        "{own} bytes in {}, {size} in the module",
        sample.path.display()
    );
    match facts.is_from(COMPARES_SIZE) {
        Some(true) => findings.fault(
            CheckFaultKind::StructSize,
            ".gnu.linkonce.this_module section size must match the kernel's built struct module size \
             at run time"
                .to_owned(),
            format!("the struct module has {sizes}; {}", rebuild(facts)),
        ),
        _ => findings.note(format!(
            "the struct module has {sizes}. This kernel does not compare the sizes, and may crash"
        )),
    }
}

fn vermagic(facts: &Facts, module: &Subject, findings: &mut Findings) {
    let Some(tree) = &facts.tree else {
        return;
    };
    let Some(found) = module.field("vermagic") else {
        return forced(
            facts,
            "bad vermagic",
            (
                CheckFaultKind::Vermagic,
                "the module has no vermagic".to_owned(),
            ),
            findings,
        );
    };
    let Some(wanted) = &facts.vermagic else {
        if found.split(' ').next() != Some(tree.release()) && !module.has_versions() {
            let message = format!("version magic '{found}' should be '{} …'", tree.release());
            findings.fault(CheckFaultKind::Vermagic, message, rebuild(facts));
        }
        return;
    };
    let has_crcs = facts.has_modversions && module.has_versions();
    if !wanted.accepts(found, has_crcs) {
        let more = if wanted.stops_at.is_some() { "…" } else { "" };
        findings.fault(
            CheckFaultKind::Vermagic,
            format!("version magic '{found}' should be '{}{more}'", wanted.text),
            rebuild(facts),
        );
    }
}

fn exports(facts: &Facts, module: &Subject, findings: &mut Findings) {
    if module.info.exports.is_empty() {
        return;
    }
    if !module.has_flags && facts.wants_flags() {
        let message = "no flags for exported symbols".to_owned();
        findings.fault(CheckFaultKind::Exports, message, rebuild(facts));
    }
    if facts.has_modversions && module.checksums.is_none() {
        let message = "no versions for exported symbols".to_owned();
        forced(
            facts,
            &message.clone(),
            (CheckFaultKind::Exports, message),
            findings,
        );
    }
}

/// Compares the checksum of a symbol, as the kernel's `check_version()` does. `symbol`: its name, and
/// the checksum that its exporter has. Returns whether it passes.
pub(super) fn version(
    facts: &Facts,
    module: &Subject,
    symbol: (&str, Crc),
    findings: &mut Findings,
) -> bool {
    let (name, own) = symbol;
    if !facts.has_modversions || own == Crc::None {
        return true;
    }
    let extended = module.versions.extended.as_ref();
    let extended = extended.filter(|_| facts.is_from((6, 14)) != Some(false));
    let table = match (extended, &module.versions.plain) {
        (Some(table), _) => table,
        (None, Some(table)) => table,
        (None, None) => {
            let before = findings.faults.len();
            let message = format!("no symbol version for {name}");
            let kind = CheckFaultKind::NoSymbolVersion;
            forced(
                facts,
                &format!("{name}: no versions"),
                (kind, message),
                findings,
            );
            return findings.faults.len() == before;
        }
    };
    match (table.get(name), own) {
        (Some(_), Crc::Hidden) => {
            findings.unclear(format!(
                "the checksum of {name} is not compared: its exporter was stripped"
            ));
            true
        }
        (Some(crc), Crc::Is(own)) if *crc != own => {
            findings.of_symbol(
                CheckFaultKind::SymbolVersion,
                name,
                format!(
                    "disagrees about version of symbol {name} (module {crc:#010x}, kernel {own:#010x})"
                ),
                rebuild(facts),
            );
            false
        }
        (None, _) if extended.is_some() => {
            findings.note(format!("no extended symbol version for {name}"));
            true
        }
        (None, _) => {
            findings.of_symbol(
                CheckFaultKind::NoSymbolVersion,
                name,
                format!("no symbol version for {name}"),
                rebuild(facts),
            );
            false
        }
        _ => true,
    }
}

/// What the kernel only loads with `CONFIG_MODULE_FORCE_LOAD`, which taints it.
fn forced(
    facts: &Facts,
    why: &str,
    (kind, message): (CheckFaultKind, String),
    findings: &mut Findings,
) {
    match facts.is_on("MODULE_FORCE_LOAD") {
        Some(true) => findings.note(format!(
            "the kernel is tainted ({why}): the module is loaded by force (CONFIG_MODULE_FORCE_LOAD)"
        )),
        Some(false) => findings.fault(kind, message, rebuild(facts)),
        None => {
            let text = format!("{message}: only a kernel with CONFIG_MODULE_FORCE_LOAD loads it");
            findings.unclear(text);
        }
    }
}
