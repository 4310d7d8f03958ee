//! Turns the settings of a build into a value that holds everything a run needs: it looks up every
//! default and checks every argument. This folder reads, and does not write.

mod btf;
#[cfg(feature = "cache")]
mod cache;
mod declared;
mod fingerprint;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod git;
mod inputs;
mod jobs;
mod make_input;
mod misplaced;
mod placeholders;
mod places;
mod products;
pub(crate) mod requirements;
#[cfg(feature = "rust")]
mod rust;
mod sandbox;
mod site;
mod sources;
mod target;

use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::Sink;
use crate::kernel::Kernel;
use crate::make::{MODULES, Names, PathMap, Placeholders, goals};
#[cfg(feature = "cache")]
use crate::settings::ChosenCache;
use crate::settings::{Question, Settings};
use crate::stage::{Item, Stage};

use inputs::Headers;
use make_input::set;
use requirements::Requirements;
use site::Site;

pub(crate) use btf::{BtfSource, BtfWay};
#[cfg(feature = "cache")]
pub(crate) use cache::{limit as cache_limit, size_of_environment};
pub(crate) use declared::check_name;
pub(crate) use fingerprint::Fingerprint;
pub(crate) use git::Repositories;
pub(crate) use inputs::Inputs;
pub(crate) use jobs::SharedJobs;
pub(crate) use make_input::MakeInput;
pub(crate) use misplaced::refuse_misplaced;
pub(crate) use places::{absolute, base, output_directory, tree_folders};
pub(crate) use products::below_module_folder;
#[cfg(feature = "rust")]
pub(crate) use rust::other_place;
#[cfg(feature = "ide")]
pub(crate) use rust::roots;
pub(crate) use sources::Sources;
pub(crate) use target::{Target, Wanted};

/// A build, resolved.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) target: Target,
    /// The name of the build in messages, and of its symvers in the output directory.
    pub(crate) label: String,
    /// The output directory, absolute.
    pub(crate) out: PathBuf,
    pub(crate) stage: Stage,
    /// The private files of this module folder (several may share a stage).
    pub(crate) folder: PathBuf,
    pub(crate) sources: Sources,
    pub(crate) inputs: Inputs,
    pub(crate) make: MakeInput,
    pub(crate) repositories: Repositories,
    /// Files to publish beside the modules, relative to the module folder.
    pub(crate) products: Vec<PathBuf>,
    pub(crate) jobs: SharedJobs,
    /// The cache of finished modules.
    #[cfg(feature = "cache")]
    pub(crate) cache: Option<ChosenCache>,
    /// The destination of messages.
    pub(crate) sink: Sink,
}

/// The facts about a build before its sources are read.
struct Context<'a> {
    /// The settings with replaced placeholders.
    settings: &'a Settings,
    kernel: &'a Kernel,
    names: &'a Names<'a>,
    site: &'a Site,
}

/// Resolves a build. `name` is the name of a declared module.
///
/// # Errors
/// Every error that can be known before anything is written.
pub(crate) fn resolve(settings: &Settings, name: Option<&str>) -> Result<Resolved> {
    refuse_misplaced(settings)?;
    let (base, out) = (base(settings)?, output_directory(settings)?);
    let wanted = Wanted::of(settings);
    let kernel = wanted.kernel(settings)?;
    Requirements::of(settings, name, &base)?.check(settings, &kernel)?;
    target::check(settings, &kernel)?;
    let site = Site::of(settings, name, (base, &out), &kernel)?;
    let names = Names::of(&kernel);
    let placeholders = Placeholders::new(&kernel, &site.stage.dir, &site.module_dir);
    let settings = &placeholders::filled(settings, &placeholders, &names)?;
    let context = Context {
        settings,
        kernel: &kernel,
        names: &names,
        site: &site,
    };

    let mut headers = Headers::of(&context)?;
    let (sources, mut files, mut pairs) = Sources::of(&context, &mut headers.links)?;
    pairs.extend(headers.links.pairs().iter().cloned());
    let map = PathMap::new(&site.module_dir, pairs);
    let header_flags = headers.flags(&context);
    files.extend(make_input::map_files(&context, &header_flags, &map)?);

    let mut repositories = Repositories::of(&site);
    let mut env = make_input::environment(&context, &repositories)?;
    let target = wanted.with_tools(&context, &env)?;
    #[cfg(feature = "rust")]
    let target = {
        let compiled = rust::Compiled {
            context: &context,
            sources: &sources,
            map: &map,
            headers: &header_flags,
            tools: &target.tools,
            env: &env,
        };
        let input = rust::input(&compiled)?;
        add_rust(target, input, &mut env, &mut files)
    };
    let inputs = Inputs::of(&context, &target, headers, (&env, &map))?;
    let variables = make_input::variables(&context, &target, &inputs, &env)?;
    let own = variables.env.into_iter();
    own.for_each(|(name, value)| set(&mut env, name, value));
    put_before_git(&mut repositories, &context, &sources, &mut env);
    let goals = goals(&settings.targets, sources.dir())?;
    let products = products::products(settings, &sources, &goals, &out)?;
    let sandbox = sandbox::of(&sandbox::Used {
        context: &context,
        target: &target,
        sources: &sources,
        inputs: &inputs,
        repositories: &repositories,
        env: &env,
    })?;
    let make = MakeInput::of(make_input::Parts {
        sandbox,
        context: &context,
        variables: variables.line,
        env,
        goals,
        files,
        map,
        placeholders,
        asked: asked(&products, &sources, &inputs, &site),
    })?;
    Ok(Resolved {
        jobs: SharedJobs::of(settings, &out)?,
        #[cfg(feature = "cache")]
        cache: cache::chosen(settings)?,
        sink: settings.sink.clone(),
        out,
        label: site.label,
        stage: site.stage,
        folder: site.folder,
        repositories,
        target,
        sources,
        inputs,
        make,
        products,
    })
}

/// The private files of a build that is left out for its kernel, and its output directory.
pub(crate) struct Place {
    pub(crate) stage: Stage,
    pub(crate) folder: PathBuf,
    pub(crate) out: PathBuf,
    pub(crate) label: String,
}

/// Names the place of a build, and reads none of its sources.
pub(crate) fn place(settings: &Settings, name: Option<&str>) -> Result<Place> {
    let (base, out) = (base(settings)?, output_directory(settings)?);
    let kernel = Wanted::of(settings).kernel(settings)?;
    let site = Site::of(settings, name, (base, &out), &kernel)?;
    Ok(Place {
        stage: site.stage,
        folder: site.folder,
        out,
        label: site.label,
    })
}

/// Lines for the makefile that every make reads first.
fn asked(products: &[PathBuf], sources: &Sources, inputs: &Inputs, site: &Site) -> Vec<u8> {
    let mut lines = products::asked_of_kbuild(products, sources, &site.module_dir);
    lines.extend_from_slice(&inputs.btf.lines);
    lines
}

/// Puts a program before git in `PATH`, if the build needs it.
fn put_before_git(
    repositories: &mut Repositories,
    context: &Context<'_>,
    sources: &Sources,
    env: &mut make_input::Env,
) {
    repositories.in_kernel = repositories.in_kernel(context, sources, env);
    if let Some(program) = &repositories.in_kernel {
        set(env, "PATH".into(), program.path.clone());
    }
}

/// Adds the input of Rust to the build.
#[cfg(feature = "rust")]
fn add_rust(
    mut target: Target,
    input: rust::RustInput,
    env: &mut make_input::Env,
    files: &mut sources::Files,
) -> Target {
    env.extend(input.env);
    files.extend(input.files);
    target.rustc = input.rustc;
    target.tools.variables.extend(input.variables);
    target.tools.tools.extend(input.whole);
    target
}

impl Resolved {
    pub(crate) fn kernel(&self) -> &Kernel {
        &self.target.kernel
    }

    /// The questions that are asked instead of building a module.
    pub(crate) fn questions(&self) -> Option<&[Question]> {
        match &self.sources {
            Sources::Declared(layout) => layout.questions.as_deref(),
            Sources::Tree { .. } => None,
        }
    }

    /// The folders in the compiler's flags that a question's headers are searched in, as written.
    pub(crate) fn flag_folders(&self) -> &[PathBuf] {
        match &self.sources {
            Sources::Declared(layout) => &layout.flag_folders,
            Sources::Tree { .. } => &[],
        }
    }

    /// Whether a folder is one of the kernel's, or holds one of them.
    fn is_around_kernel(&self, folder: &Path) -> bool {
        let of_kernel = [self.kernel().dir(), self.kernel().source_dir()];
        let mut of_kernel = of_kernel.into_iter();
        of_kernel.any(|dir| folder.starts_with(dir) || dir.starts_with(folder))
    }

    /// The module folder in the stage.
    pub(crate) fn module_dir(&self) -> &Path {
        &self.make.command.module_dir
    }

    /// The items to stage, as their sources are now.
    pub(crate) fn items(&self) -> Result<Vec<Item>> {
        self.sources.items(self)
    }

    /// Whether this build builds the modules, possibly with other targets.
    pub(crate) fn wants_modules(&self) -> bool {
        self.make.command.targets.iter().any(|t| t == MODULES)
    }

    /// Other requested results: files and folders below the module folder.
    pub(crate) fn other_targets(&self) -> impl Iterator<Item = &String> {
        self.make.command.targets.iter().filter(|t| *t != MODULES)
    }

    /// The include folders, without those that hold the products, because these change with each
    /// build, and without flags that name the kernel's folders, because these are large.
    pub(crate) fn header_folders(&self) -> impl Iterator<Item = &PathBuf> {
        let of_flags = self.flag_folders().iter();
        let of_flags =
            of_flags.filter(|dir| dir.is_absolute() && dir.is_dir() && !self.is_around_kernel(dir));
        let dirs = self.inputs.provided.includes.iter().chain(of_flags);
        dirs.filter(|dir| !self.out.starts_with(dir))
    }
}
