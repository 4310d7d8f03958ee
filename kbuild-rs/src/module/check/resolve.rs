//! The imports and exports of the modules of a call.

use super::facts::Facts;
use super::license::is_proprietary;
use super::report::{CheckFaultKind, Findings};
use super::subject::Subject;
use super::symbols::{Offer, Owner, Symbols, is_for_module};
use super::whole;
use crate::module::modinfo::Import;

/// The modules of a call, and what was found so far.
pub(super) struct Call<'a> {
    facts: &'a Facts,
    own: Symbols,
    modules: Vec<(Subject, Findings)>,
}

/// The verdict about a module of a call: its name, what was found, the modules that it needs.
pub(super) type Judged = (String, Findings, Vec<String>);

/// Symbols that linkers and assemblers leave in modules and that no kernel exports: (architecture, name).
const IGNORED: [(&str, &str); 2] = [("x86", "_GLOBAL_OFFSET_TABLE_"), ("powerpc", ".TOC.")];

impl<'a> Call<'a> {
    pub(super) fn new(facts: &'a Facts) -> Call<'a> {
        Call {
            facts,
            own: Symbols::default(),
            modules: Vec::new(),
        }
    }

    /// Adds a module; its number.
    pub(super) fn add(&mut self, subject: Subject, findings: Findings) -> usize {
        let number = self.modules.len();
        self.own.add_module(number, &subject);
        self.modules.push((subject, findings));
        number
    }

    /// Judges all modules, in the order in which they can be loaded.
    pub(super) fn judge(mut self) -> Vec<Judged> {
        let needs: Vec<Vec<Owner>> = (0..self.modules.len()).map(|at| self.needs(at)).collect();
        let order = order(&needs);
        let mut taken = vec![false; order.len()];
        let mut proprietary = vec![false; order.len()];
        for number in order {
            let mut findings = std::mem::take(&mut self.modules[number].1);
            let module = &self.modules[number].0;
            whole::before_symbols(self.facts, module, &mut findings);
            proprietary[number] = is_proprietary(&module.info.name, module.license());
            self.imports(number, &mut proprietary, &mut findings);
            self.exports(number, &needs[number], &taken, &mut findings);
            whole::after_symbols(self.facts, module, &mut findings);
            for owner in &needs[number] {
                self.provider(number, owner, &mut findings);
            }
            taken[number] = true;
            self.modules[number].1 = findings;
        }
        let names: Vec<String> = self
            .modules
            .iter()
            .map(|it| it.0.info.name.clone())
            .collect();
        let judged = self.modules.into_iter().zip(&needs);
        judged
            .map(|((subject, findings), needs)| {
                let mut needed: Vec<String> = needs
                    .iter()
                    .filter_map(|owner| match owner {
                        Owner::Kernel => None,
                        Owner::Call(number) => Some(names[*number].clone()),
                        Owner::Symvers(name) | Owner::InTree(name) => Some(name.clone()),
                    })
                    .collect();
                needed.sort();
                (subject.info.name, findings, needed)
            })
            .collect()
    }

    /// Those who export a symbol, in the order in which they are searched. A module finds none of its
    /// own.
    fn offers(&self, number: usize, symbol: &str) -> Vec<&Offer> {
        let own = self.own.of(symbol).iter();
        let own = own.filter(|offer| offer.owner != Owner::Call(number));
        let mut offers: Vec<&Offer> = own.chain(self.facts.symbols.of(symbol)).collect();
        offers.sort_by(|a, b| a.owner.cmp(&b.owner));
        offers
    }

    /// The exporters of the symbols that a module imports, each once.
    fn needs(&self, number: usize) -> Vec<Owner> {
        let imports = self.modules[number].0.info.imports.iter();
        let mut owners: Vec<Owner> = imports
            .filter_map(|import| Some(self.offers(number, &import.name).first()?.owner.clone()))
            .filter(|owner| *owner != Owner::Kernel)
            .collect();
        owners.sort();
        owners.dedup();
        owners
    }

    fn imports(&self, number: usize, proprietary: &mut [bool], findings: &mut Findings) {
        let module = &self.modules[number].0;
        if !self.facts.knows_symbols {
            findings.unclear(format!(
                "its imported symbols are not compared: the kernel tree {} has no Module.symvers. \
                 Name a Module.symvers of that kernel (--symvers)",
                self.facts.shown
            ));
        }
        let is_closed = proprietary[number];
        let mut gpl_only = None;
        let mut inherited = None;
        for import in &module.info.imports {
            let offers = self.offers(number, &import.name);
            let usable = offers.iter().find(|offer| !(is_closed && offer.gpl_only));
            let Some(offer) = usable else {
                self.unknown(number, import, !offers.is_empty(), findings);
                continue;
            };
            if offer.gpl_only {
                gpl_only = Some(&import.name);
            }
            if let Owner::Call(other) = offer.owner {
                if proprietary[other] && !is_closed {
                    inherited = Some((&import.name, &self.modules[other].0.info.name));
                }
            }
            let symbol = (&*import.name, offer.crc);
            if whole::version(self.facts, module, symbol, findings) {
                self.namespace(module, &import.name, offer, findings);
            }
        }
        proprietary[number] |= inherited.is_some();
        if let (Some(_), Some((symbol, owner))) = (gpl_only, inherited) {
            findings.of_symbol(
                CheckFaultKind::GplOnly,
                symbol,
                format!(
                    "module using GPL-only symbols uses symbols {symbol} from proprietary module {owner}"
                ),
                format!("give {owner} a GPL-compatible license, or do not use its symbols"),
            );
        }
    }

    /// Nothing exports a symbol to this module. `is_closed`: somebody does, to GPL modules.
    fn unknown(&self, number: usize, import: &Import, is_closed: bool, findings: &mut Findings) {
        let module = &self.modules[number].0;
        let name = &import.name;
        let is_ignored = IGNORED.contains(&(&*module.info.arch, &**name));
        if import.weak || is_ignored || !self.facts.knows_symbols && !is_closed {
            return;
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
                    self.facts.shown
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
        match self.facts.is_on("MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS") {
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
                "the symbol {name} is only for the modules {names}, and no import opens it to others; do not use \
                 it"
            ),
            None => {
                let quote = match self.facts.is_from((6, 13)) {
                    Some(true) => "\"",
                    _ => "",
                };
                format!("add to its source:\n    MODULE_IMPORT_NS({quote}{namespace}{quote});")
            }
        };
        findings.of_symbol(CheckFaultKind::Namespace, name, message, mend);
    }

    /// `taken`: the modules that are loaded before.
    fn exports(&self, number: usize, needs: &[Owner], taken: &[bool], findings: &mut Findings) {
        let module = &self.modules[number].0;
        for export in &module.info.exports {
            let name = &export.name;
            for offer in self.offers(number, name) {
                let owner = match &offer.owner {
                    Owner::Kernel => "kernel".to_owned(),
                    Owner::Call(other) if taken[*other] => self.modules[*other].0.info.name.clone(),
                    Owner::Symvers(owner) | Owner::InTree(owner)
                        if needs.contains(&offer.owner) && *owner != module.info.name =>
                    {
                        owner.clone()
                    }
                    Owner::InTree(owner) if *owner != module.info.name => {
                        findings.note(format!(
                            "the kernel's module {owner} exports {name}, too; only one of them can be \
                             loaded at a time"
                        ));
                        continue;
                    }
                    _ => continue,
                };
                findings.of_symbol(
                    CheckFaultKind::DuplicateSymbol,
                    name,
                    format!("exports duplicate symbol {name} (owned by {owner})"),
                    format!("rename {name}, or do not export it"),
                );
                break;
            }
        }
    }

    /// A module cannot be loaded without those whose symbols it uses.
    fn provider(&self, number: usize, owner: &Owner, findings: &mut Findings) {
        let Owner::Call(other) = owner else {
            return;
        };
        let (provider, found) = &self.modules[*other];
        let is_certain = found.faults.is_empty() && found.unclear.is_empty();
        if is_certain || *other == number {
            return;
        }
        let name = &provider.info.name;
        let imports = self.modules[number].0.info.imports.iter();
        let mut imports = imports.filter(|import| !import.weak);
        let needed = imports.find(|import| {
            let offers = self.offers(number, &import.name);
            offers.first().is_some_and(|offer| offer.owner == *owner)
        });
        if let Some(import) = needed {
            let symbol = &import.name;
            if found.faults.is_empty() {
                let text = format!("it uses {symbol} of {name}, which may not load");
                return findings.unclear(text);
            }
            findings.of_symbol(
                CheckFaultKind::Provider,
                symbol,
                format!("Unknown symbol {symbol} (err -2)"),
                format!(
                    "the module {name}, which exports {symbol}, does not load; mend that first"
                ),
            );
        }
    }
}

/// The order in which modules can be loaded: after those that they need. Modules that need each other
/// come in the order of the call.
fn order(needs: &[Vec<Owner>]) -> Vec<usize> {
    let mut order = Vec::with_capacity(needs.len());
    let mut seen = vec![false; needs.len()];
    for first in 0..needs.len() {
        // The modules on the way, each with the number of needs that were followed.
        let mut way = vec![(first, 0)];
        if std::mem::replace(&mut seen[first], true) {
            continue;
        }
        while let Some((at, next)) = way.last_mut() {
            let (at, need) = (*at, needs[*at].get(*next));
            *next += 1;
            match need {
                Some(Owner::Call(other)) if !seen[*other] => {
                    seen[*other] = true;
                    way.push((*other, 0));
                }
                Some(_) => {}
                None => {
                    order.push(at);
                    way.pop();
                }
            }
        }
    }
    order
}
