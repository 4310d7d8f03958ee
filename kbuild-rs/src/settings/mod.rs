//! The settings of a build, and the report that it returns: plain data.

mod choices;
mod environment;
mod flags;
mod module;
mod plan;
mod provided;
mod question;
mod report;
mod requirement;
#[cfg(feature = "rust")]
mod rust;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::error::Sink;

pub use choices::{BtfBase, Config, MissingSymvers};
#[cfg(feature = "cache")]
pub(crate) use choices::{CacheChoice, ChosenCache};
pub(crate) use environment::Environment;
pub(crate) use flags::Flags;
pub(crate) use module::{Declared, Module, Tree};
pub use plan::{Plan, SandboxView};
pub(crate) use provided::Provided;
pub use question::Answers;
pub(crate) use question::{Answer, Asked, Question};
pub use report::{Artifact, Report};
pub use requirement::{Requirement, RequirementKind};
#[cfg(feature = "rust")]
pub(crate) use rust::{Cfg, HeadersForRust, RustFlags, RustTools};

/// The settings of one build, as the caller gave them; each has the name of its setter.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) module: Module,
    /// The first setter that was called and has no meaning for such a module.
    pub(crate) misplaced: Option<&'static str>,
    /// The modules that the caller expects, if it listed any.
    pub(crate) modules: Vec<String>,
    pub(crate) flags: Flags,
    pub(crate) kernels: Vec<OsString>,
    pub(crate) includes: Vec<PathBuf>,
    pub(crate) arch: Option<String>,
    pub(crate) cross_compile: Option<String>,
    pub(crate) llvm: Option<String>,
    pub(crate) cc: Option<String>,
    #[cfg(feature = "rust")]
    pub(crate) rust: RustTools,
    pub(crate) rust_target: Option<String>,
    pub(crate) configs: Vec<(String, Config)>,
    pub(crate) make_vars: Vec<(String, OsString)>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) targets: Vec<String>,
    pub(crate) products: Vec<PathBuf>,
    pub(crate) symvers: Vec<PathBuf>,
    pub(crate) missing_symvers: MissingSymvers,
    /// `None` leaves BTF to kbuild.
    pub(crate) btf_base: Option<BtfBase>,
    /// The requirements on the kernel, as text.
    pub(crate) requires: Vec<(RequirementKind, String)>,
    /// Whether providers that are not built yet may export required symbols.
    pub(crate) has_later_providers: bool,
    pub(crate) verbose: Option<String>,
    pub(crate) extra_warnings: Option<String>,
    /// Whether kbuild's first phase may be remembered.
    pub(crate) shortcut: bool,
    #[cfg(feature = "cache")]
    pub(crate) cache: CacheChoice,
    /// The cache folder that the outer build has, if nothing else names one.
    #[cfg(feature = "cache")]
    pub(crate) default_cache: fn(&Environment) -> Option<PathBuf>,
    pub(crate) sandbox: bool,
    pub(crate) sandbox_allow: Vec<OsString>,
    pub(crate) base: Option<PathBuf>,
    pub(crate) out_dir: Option<PathBuf>,
    pub(crate) jobs: Option<usize>,
    pub(crate) pool_dir: Option<PathBuf>,
    pub(crate) default_pool_dir: Option<PathBuf>,
    pub(crate) environment: Environment,
    /// Gives what the crates that a build script depends on provide for a release.
    pub(crate) received: fn(&Environment, &str) -> Provided,
    pub(crate) sink: Sink,
}

impl Settings {
    /// Everything at its default.
    pub(crate) fn new(module: Module, environment: Environment, sink: Sink) -> Settings {
        Settings {
            module,
            misplaced: None,
            modules: Vec::new(),
            flags: Flags::default(),
            kernels: Vec::new(),
            includes: Vec::new(),
            arch: None,
            cross_compile: None,
            llvm: None,
            cc: None,
            #[cfg(feature = "rust")]
            rust: RustTools::default(),
            rust_target: None,
            configs: Vec::new(),
            make_vars: Vec::new(),
            env: Vec::new(),
            targets: Vec::new(),
            products: Vec::new(),
            symvers: Vec::new(),
            missing_symvers: MissingSymvers::Error,
            btf_base: None,
            requires: Vec::new(),
            has_later_providers: false,
            verbose: None,
            extra_warnings: None,
            shortcut: true,
            #[cfg(feature = "cache")]
            cache: CacheChoice::Default,
            #[cfg(feature = "cache")]
            default_cache: |_| None,
            sandbox: false,
            sandbox_allow: Vec::new(),
            base: None,
            out_dir: None,
            jobs: None,
            pool_dir: None,
            default_pool_dir: None,
            environment,
            received: |_, _| Provided::default(),
            sink,
        }
    }

    /// The questions that are asked instead of building a module.
    pub(crate) fn questions(&self) -> Option<&[Question]> {
        match &self.module {
            Module::Declared(declared) => declared.questions.as_deref(),
            Module::Tree(_) => None,
        }
    }

    /// Whether kbuild's first phase may be remembered, by the setter and by the environment.
    pub(crate) fn has_shortcut(&self) -> bool {
        let variable = self.environment.user("KBUILD_RS_SHORTCUT");
        self.shortcut && variable.is_none_or(|value| value != "0")
    }

    /// The folder of the cache of finished modules, by the setter and by the environment; `Default` if
    /// neither says anything.
    #[cfg(feature = "cache")]
    pub(crate) fn cache_choice(&self) -> CacheChoice {
        let variable = self.environment.user_or_empty("KBUILD_RS_CACHE");
        match (&self.cache, variable) {
            (CacheChoice::Default, Some(value)) if value.is_empty() || value == "0" => {
                CacheChoice::Off
            }
            (CacheChoice::Default, Some(value)) => CacheChoice::Folder(value.into()),
            (chosen, _) => chosen.clone(),
        }
    }
}
