//! Which builds a call asks for: each module tree (or the declared module) for each kernel.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use kbuild::Kernel;

use crate::args::build::BuildArgs;
use crate::builds::out_dir::{OutDir, check_no_link};
use crate::commands::kernels;
use crate::ui::failure::Failure;
use crate::ui::view::View;

/// One build.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The module tree; none for a declared module.
    pub(crate) tree: Option<PathBuf>,
    pub(crate) kernel: Option<OsString>,
    pub(crate) out_dir: PathBuf,
    /// Its place in [`Jobs::sources`].
    pub(crate) source: usize,
    /// Its place in [`Jobs::kernels`].
    pub(crate) column: usize,
}

/// All builds of a call.
#[derive(Debug)]
pub(crate) struct Jobs {
    /// What is built, as the caller named it.
    pub(crate) sources: Vec<String>,
    /// The name for messages: the module, or the folder of the tree. No other tree has the same.
    pub(crate) names: Vec<String>,
    pub(crate) kernels: Vec<Column>,
    /// For each kernel that is there, each source, in the order that was given.
    pub(crate) jobs: Vec<Job>,
    /// The sources whose symbols the others may use, the first before the second.
    providers: Vec<usize>,
}

/// A kernel to build for.
#[derive(Debug)]
pub(crate) struct Column {
    /// The release; for one that is not there, as the caller named it.
    pub(crate) name: String,
    /// Why it cannot be built for.
    pub(crate) failure: Option<Failure>,
    kernel: Option<OsString>,
}

impl Jobs {
    /// A kernel that is not there is a failure of its own and hides no other's result.
    pub(crate) fn of(args: &BuildArgs, view: &View) -> Result<Jobs, Failure> {
        let Sources {
            named: sources,
            names,
            trees,
        } = sources(args)?;
        let providers = providers(args, &trees)?;
        let kernels = columns(args, trees.len(), view)?;
        let out_dir = OutDir::path(args.products.out_dir.as_deref());
        let folder_each = kernels.len() > 1 || args.against.all_kernels;
        let mut jobs = Vec::new();
        for (column, kernel) in kernels.iter().enumerate() {
            if kernel.failure.is_some() {
                continue;
            }
            if folder_each {
                check_no_link(&out_dir.join(&kernel.name))?;
            }
            for (source, tree) in trees.iter().enumerate() {
                jobs.push(Job {
                    tree: tree.clone(),
                    kernel: kernel.kernel.clone(),
                    out_dir: match folder_each {
                        true => out_dir.join(&kernel.name),
                        false => out_dir.to_owned(),
                    },
                    source,
                    column,
                });
            }
        }
        Ok(Jobs {
            sources,
            names,
            kernels,
            jobs,
            providers,
        })
    }

    /// The sources whose symbols a build may use.
    pub(crate) fn providers_of(&self, job: &Job) -> impl Iterator<Item = usize> + '_ {
        let source = job.source;
        self.providers
            .iter()
            .copied()
            .take_while(move |&p| p != source)
    }

    /// Whether the call is for one build, so that nothing has to say which.
    pub(crate) fn is_one(&self) -> bool {
        self.kernels.len() == 1 && self.sources.len() == 1
    }

    /// The release, where there are several.
    pub(crate) fn release(&self, job: &Job) -> Option<&str> {
        (self.kernels.len() > 1).then(|| &*self.kernels[job.column].name)
    }

    /// The tree or module, where there are several.
    pub(crate) fn source(&self, job: &Job) -> Option<&str> {
        (self.sources.len() > 1).then(|| &*self.sources[job.source])
    }

    /// What a job is called beside the others: "ring for 6.1.0-56-amd64".
    pub(crate) fn label(&self, job: &Job) -> String {
        let (source, kernel) = (&self.names[job.source], &self.kernels[job.column].name);
        match (self.source(job), self.release(job)) {
            (Some(_), None) => source.clone(),
            _ => format!("{source} for {kernel}"),
        }
    }
}

/// The trees and modules that are built, as messages name them.
struct Sources {
    named: Vec<String>,
    names: Vec<String>,
    /// `None` for a declared module.
    trees: Vec<Option<PathBuf>>,
}

fn sources(args: &BuildArgs) -> Result<Sources, Failure> {
    if let Some(name) = &args.declared.name {
        return Ok(Sources {
            named: vec![name.clone()],
            names: vec![name.clone()],
            trees: vec![None],
        });
    }
    let trees: &[PathBuf] = match args.inputs.as_slice() {
        [] => &[PathBuf::from(".")],
        trees => trees,
    };
    // What comes out is named after the folder, and lies beside what comes out of the others.
    let mut folders: Vec<(OsString, &Path)> = Vec::new();
    for tree in trees {
        let real = tree.canonicalize().unwrap_or_else(|_| tree.clone());
        let name = real.file_name().unwrap_or(OsStr::new("/")).to_owned();
        if let Some((_, other)) = folders.iter().find(|(n, _)| *n == name) {
            return Err(Failure::call(format!(
                "{} and {} are folders of one name, and both would write {}.symvers: build one at a time, with an --out-dir each",
                other.display(),
                tree.display(),
                Path::new(&name).display()
            )));
        }
        folders.push((name, tree));
    }
    let named = trees.iter().map(|tree| tree.display().to_string());
    let names = folders
        .iter()
        .map(|(name, _)| Path::new(name).display().to_string());
    Ok(Sources {
        named: named.collect(),
        names: names.collect(),
        trees: trees.iter().cloned().map(Some).collect(),
    })
}

/// The module trees among those of this call that `--symvers` names.
fn providers(args: &BuildArgs, trees: &[Option<PathBuf>]) -> Result<Vec<usize>, Failure> {
    let real = |path: &Path| path.canonicalize().ok();
    let mut providers = Vec::new();
    for dir in args.both.symvers.iter().filter(|path| path.is_dir()) {
        let is_it = |tree: &Option<PathBuf>| {
            let tree = tree.as_deref().and_then(real);
            tree.is_some() && tree == real(dir)
        };
        let provider = trees.iter().position(is_it).ok_or_else(|| {
            Failure::call(format!(
                "--symvers {} names a folder, and none of the module trees that are to be built: build it in the same call, or name the symvers that its build left",
                dir.display()
            ))
        })?;
        providers.push(provider);
    }
    Ok(providers)
}

fn columns(args: &BuildArgs, trees: usize, view: &View) -> Result<Vec<Column>, Failure> {
    let named = &args.against.kernel;
    let mut columns: Vec<Column> = Vec::new();
    if args.against.all_kernels {
        for installed in kernels::found() {
            match installed.kernel {
                Ok(kernel) => columns.push(Column::of(&kernel)),
                Err(error) => view.note(&format!("left out: {error}")),
            }
        }
        if columns.is_empty() {
            return Err(Failure::nothing(
                "there is no kernel tree on this machine that modules can be built against; `kbuild-rs kernels` tells where was looked",
            ));
        }
    } else if named.len() < 2 && trees < 2 {
        // The library finds it, and says what it took.
        return Ok(vec![Column {
            name: String::new(),
            failure: None,
            kernel: named.first().cloned(),
        }]);
    } else if named.is_empty() {
        columns.push(Column::of(&default_kernel(args, view)?));
    }
    for wanted in named {
        columns.push(match find(wanted) {
            Ok(kernel) => Column::of(&kernel),
            Err(error) => Column {
                name: wanted.to_string_lossy().into_owned(),
                failure: Some(error.into()),
                kernel: None,
            },
        });
    }
    for (i, column) in columns.iter().enumerate() {
        if let Some(other) = columns[..i].iter().find(|c| c.name == column.name) {
            let tree = |c: &Column| PathBuf::from(c.kernel.clone().unwrap_or_default());
            return Err(Failure::call(format!(
                "{} and {} are both {}, and the products of both would be in one folder: build for one at a time, with an --out-dir each",
                tree(other).display(),
                tree(column).display(),
                column.name
            )));
        }
    }
    Ok(columns)
}

impl Column {
    fn of(kernel: &Kernel) -> Column {
        Column {
            name: kernel.release().to_owned(),
            failure: None,
            kernel: Some(kernel.dir().into()),
        }
    }
}

/// What each build would find by itself; found once, and said once.
fn default_kernel(args: &BuildArgs, view: &View) -> Result<Kernel, Failure> {
    let mut of_make = args.both.make_var.iter().rev();
    let of_make = of_make.find(|(name, _)| name == "ARCH");
    let of_make = of_make.map(|(_, value)| value.to_string_lossy());
    let arch = args.against.arch.as_deref().or(of_make.as_deref());
    let (kernel, note) = kernels::default(arch);
    note.iter().for_each(|note| view.note(note));
    Ok(kernel?)
}

/// What `--kernel` names. Only a path can be other than UTF-8.
pub(crate) fn find(wanted: &OsStr) -> kbuild::Result<Kernel> {
    match wanted.to_str() {
        Some(text) => Kernel::find(text),
        None => Kernel::open(wanted),
    }
}
