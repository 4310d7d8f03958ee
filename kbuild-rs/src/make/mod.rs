//! The make child: its command line, its environment, the files that it reads, and its output.

mod command;
mod diagnose;
mod env;
mod first_phase;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod git;
mod goals;
mod kernel_names;
mod lines;
mod listen;
mod names;
mod output;
mod placeholders;
mod probes;
mod questions;
mod run;
mod rustc;
mod trace;
mod watch;

pub(crate) use command::Make;
pub(crate) use diagnose::{BuildFacts, no_modules};
pub(crate) use env::{check_value, firewall};
pub(crate) use first_phase::{Build, FileState, Recording, Replay, Words, quoted, recorded};
pub(crate) use git::{
    DotGit, GitPlaces, Repository, RunGit, StagedRepository, asked, asked_in_kernel, before_path,
    is_bare, prefix_in,
};
pub(crate) use goals::{MODULES, goals};
pub(crate) use listen::Hearing;
#[cfg(feature = "cache")]
pub(crate) use listen::say_again;
pub(crate) use names::Names;
pub(crate) use output::PathMap;
pub(crate) use placeholders::{Placeholders, instead, instead_in_command};
pub(crate) use questions::{
    Group, SANITY, SANITY_SOURCE, Verdict, check as check_question, is_of_group,
    kbuild as kbuild_of_questions,
};
pub(crate) use run::{ChildDescriptors, Outcome, Way, find_program, run, run_prepare};
pub(crate) use trace::Trace;
pub(crate) use watch::Watch;
