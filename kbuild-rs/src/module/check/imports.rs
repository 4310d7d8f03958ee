//! The symbols that a module of a call imports.

use std::collections::BTreeSet;

use super::order;
use super::report::{CheckFaultKind, Findings};
use super::resolve::{Round, State};
use super::subject::Subject;
use super::symbols::{Offer, Owner, is_for_module};
use super::whole;
use crate::module::modinfo::Import;

/// Symbols that linkers and assemblers leave in modules and that no kernel exports: (architecture, name).
const IGNORED: [(&str, &str); 2] = [("x86", "_GLOBAL_OFFSET_TABLE_"), ("powerpc", ".TOC.")];

impl Round<'_> {
    pub(super) fn imports(&mut self, number: usize, findings: &mut Findings) {
        let facts = self.call.facts;
        let module = &self.call.modules[number].0;
        if !facts.knows_symbols {
            findings.unclear(format!(
                "its imported symbols are not compared: the kernel tree {} has no Module.symvers. \
                 Name a Module.symvers of that kernel (--symvers)",
                facts.shown
            ));
        }
        if module.has_common {
            findings.fault(
                CheckFaultKind::CommonSymbol,
                "please compile with -fno-common".to_owned(),
                "compile all its objects with the kernel's flags, or with -fno-common".to_owned(),
            );
        }
        let is_closed = self.proprietary[number];
        let (mut gpl_only, mut inherited, mut unknown_license) = (None, None, None);
        let mut told = BTreeSet::new();
        for import in &module.info.imports {
            let offers = self.offers(number, &import.name);
            let usable = offers.iter().find(|offer| !(is_closed && offer.gpl_only));
            let Some(offer) = usable else {
                self.unknown(number, import, !offers.is_empty(), findings);
                continue;
            };
            if !self.is_there(number, import, &offer.owner, &mut told, findings) {
                continue;
            }
            if offer.gpl_only {
                gpl_only = Some(&import.name);
            }
            match &offer.owner {
                Owner::Call(other) if self.proprietary[*other] && !is_closed => {
                    inherited = Some((&import.name, self.name(*other)));
                }
                Owner::Symvers(owner) => unknown_license = Some(owner),
                _ => {}
            }
            let symbol = (&*import.name, offer.crc);
            if whole::version(facts, module, symbol, findings) {
                self.namespace(module, &import.name, offer, findings);
            }
        }
        self.proprietary[number] |= inherited.is_some();
        match (gpl_only, inherited, unknown_license) {
            (Some(_), Some((symbol, owner)), _) => findings.of_symbol(
                CheckFaultKind::GplOnly,
                symbol,
                format!(
                    "module using GPL-only symbols uses symbols {symbol} from proprietary module {owner}"
                ),
                format!("give {owner} a GPL-compatible license, or do not use its symbols"),
            ),
            (Some(symbol), None, Some(owner)) => findings.note(format!(
                "the license of {owner} is not known; if it is not GPL-compatible, this module may not use \
                 {symbol}, which is GPL-only"
            )),
            _ => {}
        }
    }

    /// Whether the exporter of an imported symbol is loaded before. `told`: exporters about which all
    /// is said.
    fn is_there(
        &self,
        number: usize,
        import: &Import,
        owner: &Owner,
        told: &mut BTreeSet<Owner>,
        findings: &mut Findings,
    ) -> bool {
        let symbol = &import.name;
        let is_new = !import.weak && !told.contains(owner);
        let other = match owner {
            Owner::Call(other) => *other,
            Owner::InTree(name) => {
                if is_new && self.call.facts.lacks(name) {
                    told.insert(owner.clone());
                    findings.unclear(format!(
                        "it uses {symbol} of the kernel's module {name}, which is not installed in the root. \
                         Name the root in which it is (--root), or check that module in the same call"
                    ));
                }
                return true;
            }
            Owner::Kernel | Owner::Symvers(_) => return true,
        };
        let name = self.name(other);
        let mend = match self.states[other] {
            State::Loaded => return true,
            State::Unclear => {
                if is_new {
                    told.insert(owner.clone());
                    findings.unclear(format!("it uses {symbol} of {name}, which may not load"));
                }
                return true;
            }
            State::Waiting if order::reaches(&self.edges, other, number) => format!(
                "this module and {name}, which exports {symbol}, need each other, so the kernel cannot load \
                 one of them first; remove this dependency cycle"
            ),
            State::Waiting | State::Fails => {
                format!("the module {name}, which exports {symbol}, does not load; fix it first")
            }
        };
        if is_new {
            told.insert(owner.clone());
            findings.of_symbol(
                CheckFaultKind::Provider,
                symbol,
                format!("Unknown symbol {symbol} (err -2)"),
                mend,
            );
        }
        false
    }

    /// Nothing exports a symbol to this module. `is_closed`: somebody does, to GPL modules.
    fn unknown(&self, number: usize, import: &Import, is_closed: bool, findings: &mut Findings) {
        let module = &self.call.modules[number].0;
        let name = &import.name;
        let is_ignored = IGNORED.contains(&(&*module.info.arch, &**name));
        if import.weak || is_ignored || !self.call.facts.knows_symbols && !is_closed {
            return;
        }
        let mut others = self.call.modules.iter();
        if let Some((other, _)) = others.find(|it| it.0.hides_exports).filter(|_| !is_closed) {
            return findings.unclear(format!(
                "it uses {name}, which no known module exports; the exported symbols of {} cannot be read, \
                 because strip removed their names",
                other.info.name
            ));
        }
        let message = format!("Unknown symbol {name} (err -2)");
        match is_closed {
            true => findings.of_symbol(
                CheckFaultKind::GplOnly,
                name,
                message,
                format!(
                    "the symbol {name} is only for modules with a GPL-compatible license, and this one has \
                     {:?}; change MODULE_LICENSE, or do not use the symbol",
                    module.license()
                ),
            ),
            false => findings.of_symbol(
                CheckFaultKind::UnknownSymbol,
                name,
                message,
                format!(
                    "no module of this call exports {name}, and neither does the kernel {}; check the \
                     module that exports it in the same call, or name its Module.symvers (--symvers)",
                    self.call.facts.shown
                ),
            ),
        }
    }

    fn namespace(&self, module: &Subject, name: &str, offer: &Offer, findings: &mut Findings) {
        let Some(namespace) = offer.namespace.as_deref() else {
            return;
        };
        let is_imported = module
            .info
            .imported_namespaces
            .iter()
            .any(|imported| imported == namespace);
        if is_for_module(namespace, &module.info.name) || is_imported {
            return;
        }
        let message =
            format!("module uses symbol {name} from namespace {namespace}, but does not import it");
        match self
            .call
            .facts
            .is_on("MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS")
        {
            Some(false) => {}
            Some(true) => return findings.note(message),
            None => {
                return findings.unclear(format!(
                    "{message}: only a kernel with CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS \
                     loads it"
                ));
            }
        }
        let mend = match namespace.strip_prefix("module:") {
            Some(names) => format!(
                "the symbol {name} is only for the modules {names}, and other modules cannot import it; do not \
                 use it"
            ),
            None => {
                let quote = match self.call.facts.is_from((6, 13)) {
                    Some(true) => "\"",
                    _ => "",
                };
                format!("add to its source:\n    MODULE_IMPORT_NS({quote}{namespace}{quote});")
            }
        };
        findings.of_symbol(CheckFaultKind::Namespace, name, message, mend);
    }
}
