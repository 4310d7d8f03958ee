//! Targets: what makes and gits write for kbuild-rs.

use std::collections::BTreeSet;

use super::diagnose::{BuildFacts, Diagnosis};
use super::lines::Stream;
use super::output::{Listening, PathMap};
use super::{Trace, kernel_names};
use crate::error::{Level, Message};

pub(crate) use super::git::fuzzing::git;

pub(crate) fn trace(bytes: &[u8]) {
    let trace = Trace::read(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(trace.makefiles.len() + trace.symvers.len() + trace.rules.len() <= lines);
    for line in String::from_utf8_lossy(bytes).lines() {
        let set = kernel_names::assigned(line);
        let used = kernel_names::used(line);
        assert!(used.chain(set).all(|name| line.contains(name)));
    }
}

/// The output of make: compilers, modpost and the commands of Makefiles write what they like.
pub(crate) fn make_output(bytes: &[u8]) {
    let stage = std::path::Path::new("/o/.kbuild/k/stage");
    let pairs = vec![
        (stage.into(), "/s".into()),
        (stage.join("src"), "/s".into()),
        (stage.join("gen/0"), "/g en".into()),
    ];
    let map = PathMap::new(stage, pairs);
    let facts = BuildFacts {
        release: "6.1.0".into(),
        module_dir: stage.into(),
        ..BuildFacts::default()
    };
    let (mut listening, mut diagnosis) = (Listening::default(), Diagnosis::default());
    let (mut lines, mut messages) = (0, 0);
    let mut first_error = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches('\r');
        lines += 1;
        // A stream keeps what it heard last.
        let stream = match line.starts_with("  ") {
            true => Stream::Output,
            false => Stream::Error,
        };
        listening.report(line, stream, &map, &mut |message| {
            messages += 1;
            if let Message::Output { line, level } = message {
                diagnosis.hear(line, *level, &facts);
                if *level == Level::Error && !line.starts_with("make") {
                    first_error.get_or_insert((*line).to_owned());
                }
            }
        });
    }
    assert!(messages <= lines, "a line was reported twice");
    let error = diagnosis.summary(&facts).error("make failed".into());
    let said = error.to_string();
    if let Some(line) = first_error {
        assert!(said.contains(&line), "the first error is not quoted");
    }
    let advice = error.advice();
    let texts: BTreeSet<&str> = advice.iter().map(crate::Advice::text).collect();
    assert_eq!(texts.len(), advice.len(), "something is explained twice");
    assert!(texts.iter().all(|text| !text.is_empty()));
}
