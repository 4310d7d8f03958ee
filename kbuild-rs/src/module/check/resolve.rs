//! The modules of a call: which of them are loaded first, whose symbols they find, and what they export.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::license::is_proprietary;
use super::order::{self, Edge};
use super::report::{CheckFaultKind, Findings};
use super::subject::Subject;
use super::symbols::{Offer, Owner, Symbols};
use super::whole;

/// The modules of a call, and what was found about each alone.
pub(super) struct Call<'a> {
    pub(super) facts: &'a Facts,
    own: Symbols,
    pub(super) modules: Vec<(Subject, Findings)>,
}

/// The verdict about a module of a call: its name, what was found, the modules that it needs.
pub(super) type Judged = (String, Findings, Vec<String>);

/// What became of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its turn has not come.
    Waiting,
    Loaded,
    Unclear,
    Fails,
}

/// All modules, loaded one after the other.
pub(super) struct Round<'a> {
    pub(super) call: &'a Call<'a>,
    /// Modules that do not load: they offer nothing if others do.
    failing: &'a [bool],
    /// The exporters of the symbols that each module imports.
    needs: Vec<BTreeMap<Owner, bool>>,
    /// Those of the call.
    pub(super) edges: Vec<Vec<Edge>>,
    pub(super) states: Vec<State>,
    pub(super) proprietary: Vec<bool>,
}

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
        for (module, findings) in &mut self.modules {
            whole::before_symbols(self.facts, module, findings);
        }
        self.twins();
        let fails = |findings: &Findings| !findings.faults.is_empty();
        let failing: Vec<bool> = self.modules.iter().map(|it| fails(&it.1)).collect();
        let mut judged = Round::new(&self, &failing).judge();
        // If a module fails by its symbols, another one may offer those that it exports.
        let found: Vec<bool> = judged.iter().map(|it| fails(&it.1)).collect();
        if found != failing {
            judged = Round::new(&self, &found).judge();
        }
        judged
    }

    /// Modules with the same name: a kernel has one of them at a time.
    fn twins(&mut self) {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, (module, _)) in self.modules.iter().enumerate() {
            let name = module.info.name.clone();
            by_name.entry(name).or_default().push(number);
        }
        for (name, numbers) in by_name.iter().filter(|(_, numbers)| numbers.len() > 1) {
            let paths = numbers
                .iter()
                .map(|it| self.modules[*it].0.path.display().to_string());
            let times = match numbers.len() {
                2 => "twice".to_owned(),
                more => format!("{more} times"),
            };
            let text = format!(
                "the call has {name} {times}: {}. A kernel has one of them at a time; check each in a \
                 separate call",
                paths.collect::<Vec<_>>().join(", ")
            );
            for number in numbers {
                self.modules[*number].1.unclear(text.clone());
            }
        }
    }
}

impl<'a> Round<'a> {
    fn new(call: &'a Call<'a>, failing: &'a [bool]) -> Round<'a> {
        let count = call.modules.len();
        let mut round = Round {
            call,
            failing,
            needs: Vec::new(),
            edges: Vec::new(),
            states: vec![State::Waiting; count],
            proprietary: vec![false; count],
        };
        for number in 0..count {
            let needs = round.needs(number);
            let of_call = needs.iter().filter_map(|(owner, is_strong)| match owner {
                Owner::Call(to) => Some(Edge {
                    to: *to,
                    is_strong: *is_strong,
                }),
                _ => None,
            });
            round.edges.push(of_call.collect());
            round.needs.push(needs);
        }
        round
    }

    fn judge(mut self) -> Vec<Judged> {
        let count = self.call.modules.len();
        let mut all = vec![Findings::default(); count];
        for number in order::order(&self.edges) {
            let (module, found) = &self.call.modules[number];
            let mut findings = found.clone();
            self.proprietary[number] = is_proprietary(&module.info.name, module.license());
            self.imports(number, &mut findings);
            self.exports(number, &mut findings);
            whole::after_symbols(self.call.facts, module, &mut findings);
            self.states[number] = match (findings.faults.is_empty(), findings.unclear.is_empty()) {
                (false, _) => State::Fails,
                (true, false) => State::Unclear,
                (true, true) => State::Loaded,
            };
            all[number] = findings;
        }
        let modules = all.into_iter().enumerate();
        modules
            .map(|(number, findings)| (self.name(number).to_owned(), findings, self.needed(number)))
            .collect()
    }

    pub(super) fn name(&self, number: usize) -> &'a str {
        &self.call.modules[number].0.info.name
    }

    /// The names of the modules that a module needs, sorted.
    fn needed(&self, number: usize) -> Vec<String> {
        let owners = self.needs[number].keys();
        let names = owners.filter_map(|owner| match owner {
            Owner::Kernel => None,
            Owner::Call(other) => Some(self.name(*other).to_owned()),
            Owner::Symvers(name) | Owner::InTree(name) => Some(name.clone()),
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        names
    }

    /// Those who export a symbol, in the order in which they are searched: modules that do not load
    /// come last. A module finds none of its own.
    pub(super) fn offers(&self, number: usize, symbol: &str) -> Vec<&'a Offer> {
        let own = self.call.own.of(symbol).iter();
        let own = own.filter(|offer| offer.owner != Owner::Call(number));
        let mut offers: Vec<&Offer> = own.chain(self.call.facts.symbols.of(symbol)).collect();
        let fails = |offer: &Offer| matches!(offer.owner, Owner::Call(it) if self.failing[it]);
        offers.sort_by(|a, b| (fails(a), &a.owner).cmp(&(fails(b), &b.owner)));
        offers
    }

    /// The exporters of the symbols that a module imports, and whether it does not load without them.
    fn needs(&self, number: usize) -> BTreeMap<Owner, bool> {
        let mut needs = BTreeMap::new();
        for import in &self.call.modules[number].0.info.imports {
            let offers = self.offers(number, &import.name);
            let owner = offers.first().map(|offer| &offer.owner);
            if let Some(owner) = owner.filter(|owner| **owner != Owner::Kernel) {
                *needs.entry(owner.clone()).or_insert(false) |= !import.weak;
            }
        }
        needs
    }

    fn exports(&self, number: usize, findings: &mut Findings) {
        let module = &self.call.modules[number].0;
        for export in &module.info.exports {
            for offer in self.offers(number, &export.name) {
                if self.duplicate(number, &export.name, offer, findings) {
                    break;
                }
            }
        }
        if module.hides_exports {
            findings.unclear(
                "its exported symbols cannot be read, because strip removed their names. Check the file as it \
                 was built"
                    .to_owned(),
            );
        }
    }

    /// Whether the exporter of a symbol that a module exports, too, is loaded before.
    fn duplicate(&self, number: usize, name: &str, offer: &Offer, findings: &mut Findings) -> bool {
        let own = self.name(number);
        let owner = match &offer.owner {
            Owner::Kernel => "kernel",
            Owner::Call(other) if self.name(*other) == own => return false,
            Owner::Call(other) => match self.states[*other] {
                State::Loaded => self.name(*other),
                State::Unclear => {
                    findings.unclear(format!(
                        "{} exports {name}, too; if that loads, this one does not",
                        self.name(*other)
                    ));
                    return false;
                }
                State::Waiting | State::Fails => return false,
            },
            Owner::Symvers(owner) | Owner::InTree(owner) if owner == own => return false,
            Owner::Symvers(owner) => owner,
            Owner::InTree(owner) if self.needs[number].contains_key(&offer.owner) => owner,
            Owner::InTree(owner) => {
                findings.note(format!(
                    "the kernel's module {owner} exports {name}, too; only one of them can be loaded at a \
                     time"
                ));
                return false;
            }
        };
        findings.of_symbol(
            CheckFaultKind::DuplicateSymbol,
            name,
            format!("exports duplicate symbol {name} (owned by {owner})"),
            format!("rename {name}, or do not export it"),
        );
        true
    }
}
