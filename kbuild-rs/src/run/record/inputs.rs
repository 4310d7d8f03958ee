//! Records the inputs of a build after make has ended, for the next build to compare.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::prerequisites::{Resolver, Target, union};
use super::settled::InputsAfter;
use super::{Class, Prerequisite, Record, Rule, seen_symvers};
use crate::Result;
use crate::make::Trace;
use crate::run::{BeforeMake, Run};
use crate::stage::{Item, folders};
use crate::sys::{is_among, sort_paths};

impl Run<'_> {
    /// Adds the inputs to the record.
    pub(crate) fn note_prerequisites(
        &self,
        items: &[Item],
        made: &BeforeMake<'_>,
        record: &mut Record,
    ) -> Result<()> {
        let r = self.resolved;
        let told = self.writer.read(&r.make.watch.log)?.unwrap_or_default();
        let trace = Trace::read(&told);
        let mut looks = made.folders.after(made.record);
        self.note_symvers(items, &trace, &mut looks, record)?;
        let mut add = |class, paths: &mut dyn Iterator<Item = PathBuf>| {
            let found = paths.map(|path| looks.at(class, path));
            record.prerequisites.extend(found);
        };
        add(Class::Whole, &mut r.inputs.whole.iter().cloned());
        add(Class::Make, &mut self.git_heads(items).into_iter());
        // The flag files are generated from the configuration, which the record covers.
        let known = |p: &PathBuf| r.inputs.whole.contains(p) || p.starts_with(&r.stage.private);
        let resolver = self.resolver(items);
        let mut makefiles = makefiles(&resolver, &trace, made.record, r.wants_modules());
        makefiles.retain(|p| !known(p));
        add(Class::Makefile, &mut makefiles.iter().cloned());
        let targets = resolver.targets()?;
        let (rules, ran) = self.rules(&resolver, &targets, &trace, made.record);
        let (shared, unseen) = self.shared(&resolver, &ran)?;
        let mut named = union(&targets);
        let inputs = rules.iter().map(|rule| &rule.prerequisite);
        named.extend(inputs.filter(|p| !p.starts_with(&r.stage.dir)).cloned());
        named.extend(shared);
        sort_paths(&mut named);
        let of_targets = |p: &PathBuf| !known(p) && !is_among(p, &makefiles);
        add(Class::Targets, &mut named.into_iter().filter(of_targets));
        let unseen = |p: &&mut Prerequisite| is_among(&p.path, &unseen);
        let prerequisites = record.prerequisites.iter_mut();
        prerequisites.filter(unseen).for_each(|p| p.id = None);
        record.rules = rules;
        Ok(())
    }

    /// The prerequisites of files that other module folders of this root built by rules and that
    /// this folder may use (`../common/gen.h`), and the changed ones among them.
    fn shared(
        &self,
        resolver: &Resolver<'_>,
        ran: &[PathBuf],
    ) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let stage = &self.resolved.stage;
        let (mut shared, mut unseen) = (Vec::new(), Vec::new());
        for other in self.other_records()? {
            let rules = other.rules.iter();
            for rule in rules.filter(|rule| !rule.prerequisite.starts_with(&stage.dir)) {
                let is_there = |target| resolver.product(&stage.file(target)).is_some();
                let target = rule.target.as_ref();
                if target.is_some_and(|target| !ran.contains(target) && is_there(target)) {
                    shared.push(rule.prerequisite.clone());
                    if !other.has_seen(rule) {
                        unseen.push(rule.prerequisite.clone());
                    }
                }
            }
        }
        sort_paths(&mut unseen);
        Ok((shared, unseen))
    }

    /// The records of the other module folders of this root.
    pub(crate) fn other_records(&self) -> Result<Vec<Record>> {
        let r = self.resolved;
        let all = folders(&r.stage.private)?.into_iter();
        let others = all.filter(|folder| *folder != r.folder);
        let record = |folder: PathBuf| Record::load(self.writer, &folder.join("record"), &r.out);
        others.filter_map(|f| record(f).transpose()).collect()
    }

    /// Records the symvers that the caller gave, those of other module folders of this root, and
    /// those that makefiles name.
    fn note_symvers(
        &self,
        items: &[Item],
        trace: &Trace,
        looks: &mut InputsAfter<'_>,
        record: &mut Record,
    ) -> Result<()> {
        let r = self.resolved;
        let given = r
            .inputs
            .symvers
            .iter()
            .filter_map(|(original, copy)| seen_symvers(original.clone(), copy));
        record.prerequisites.extend(given);
        let made = r.stage.products(&r.stage.dir, items)?.into_iter();
        let others = made.map(|(path, _)| path).filter(|path| {
            path.ends_with("Module.symvers") && path.parent() != Some(r.module_dir())
        });
        let others = others.filter_map(|path| seen_symvers(path.clone(), &path));
        record.prerequisites.extend(others);
        let named = trace.symvers.iter();
        for path in named.filter(|path| !path.starts_with(&r.stage.private) && path.is_file()) {
            let settled = looks.at(Class::Symvers, path.clone()).id.is_some();
            let mut seen = seen_symvers(path.clone(), path);
            seen.iter_mut()
                .filter(|_| !settled)
                .for_each(|p| p.id = None);
            record.prerequisites.extend(seen);
        }
        Ok(())
    }

    /// The rules that ran now or in an earlier build and whose targets exist, and the targets of
    /// the rules that ran now.
    fn rules(
        &self,
        resolver: &Resolver<'_>,
        targets: &[Target],
        trace: &Trace,
        old: &Record,
    ) -> (Vec<Rule>, Vec<PathBuf>) {
        let stage = &self.resolved.stage;
        let commands: HashMap<&Path, &Target> = targets.iter().map(|t| (&*t.path, t)).collect();
        // kbuild tells make to ignore missing intermediate files (`.SECONDARY`): make only rebuilds
        // such a file if another rule needs it. So the files built from it must be deleted with it.
        let is_own = |rel: &PathBuf| {
            let command = commands.get(&*stage.file(rel));
            command.is_none_or(|t| !t.has_command)
        };
        let between = |target: Option<&PathBuf>, named: &Path| {
            let target = target.filter(|t| is_own(t))?;
            let between = resolver.product(named).filter(is_own)?;
            Some(Rule {
                target: Some(target.clone()),
                prerequisite: stage.file(&between),
            })
        };
        let mut rules = Vec::new();
        let mut ran = Vec::new();
        for told in trace.rules.chunk_by(|a, b| a.0 == b.0) {
            // The recipe of a phony target runs whenever make runs.
            let target = resolver.product(&told[0].0);
            let command = target.as_ref().and_then(|t| commands.get(&*stage.file(t)));
            // A file that make builds has its own prerequisites. A missing file is only a name.
            let is_target = |path| trace.rules.binary_search_by(|(t, _)| t.cmp(path)).is_ok();
            let files = told.iter().map(|(_, named)| named);
            for named in files.filter(|named| named.is_file()) {
                if let Some(between) = between(target.as_ref(), named) {
                    rules.push(between);
                }
                if is_target(named) {
                    continue;
                }
                let mut sources = resolver.sources(named);
                let is_known = |t: &Target, p: &PathBuf| {
                    let mut known = t.prerequisites.iter();
                    known.any(|known| known.as_os_str() == p.as_os_str())
                };
                sources.retain(|p| !command.is_some_and(|t| is_known(t, p)));
                rules.extend(sources.into_iter().map(|prerequisite| Rule {
                    target: target.clone(),
                    prerequisite,
                }));
            }
            ran.extend(target);
        }
        let is_gone =
            |rule: &Rule| rule.prerequisite.starts_with(&stage.dir) && !rule.prerequisite.exists();
        let is_kept = |rule: &&Rule| match &rule.target {
            Some(t) => {
                let is_there = resolver.product(&stage.file(t)).is_some();
                is_there && !ran.contains(t) && !is_gone(rule)
            }
            None => !self.resolved.wants_modules(),
        };
        rules.extend(old.rules.iter().filter(is_kept).cloned());
        rules.sort_unstable_by(|a, b| {
            (&a.target, &a.prerequisite).cmp(&(&b.target, &b.prerequisite))
        });
        rules.dedup();
        (rules, ran)
    }
}

/// The makefiles that make read. For a single file, make does not read all of them.
fn makefiles(resolver: &Resolver<'_>, trace: &Trace, old: &Record, read_all: bool) -> Vec<PathBuf> {
    let read = trace.makefiles.iter().filter(|path| path.is_file());
    let mut makefiles: Vec<_> = read.flat_map(|path| resolver.sources(path)).collect();
    if !read_all {
        let old = old.prerequisites.iter();
        let old = old.filter(|p| p.class == Class::Makefile);
        makefiles.extend(old.map(|p| p.path.clone()));
    }
    sort_paths(&mut makefiles);
    makefiles
}
