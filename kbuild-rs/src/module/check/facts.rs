//! The known facts about the kernel that modules are checked for.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::btf::Extent;
use super::subject::{Elf, Subject};
use super::symbols::Symbols;
use super::vermagic::Vermagic;
use crate::kernel::{Kernel, Symvers};
use crate::module::target::Target;
use crate::sys::{Image, regular};
use crate::{Error, ErrorKind, Result};

/// A kernel.
#[derive(Debug)]
pub(super) struct Facts {
    /// The release, or the path of the only symvers.
    pub(super) shown: String,
    pub(super) tree: Option<Kernel>,
    /// For its signatures: the configuration of the root's kernel, or of the tree.
    pub(super) target: Option<Target>,
    pub(super) vermagic: Option<Vermagic>,
    /// The symbols of the kernel and its modules; empty and not known without `Module.symvers`.
    pub(super) symbols: Symbols,
    pub(super) knows_symbols: bool,
    /// `CONFIG_MODVERSIONS`.
    pub(super) has_modversions: bool,
    /// One of its own modules.
    pub(super) sample: Option<Sample>,
    /// The modules that are built in; the value says whether `/sys/module` certainly has them, because
    /// they have a version. Parameters make a folder there if one of them has permissions, which no
    /// file tells.
    pub(super) built_in: BTreeMap<String, bool>,
    /// Whether `modules.builtin` was found.
    pub(super) knows_built_in: bool,
    /// The modules in the root's `modules.dep`; `None` without it.
    installed: Option<BTreeSet<String>>,
    /// What the kernel's own BTF has; it is read once.
    btf: OnceCell<Option<Extent>>,
    /// The names of its own modules that can be loaded.
    pub(super) in_tree: BTreeSet<String>,
}

/// The properties that all modules of one kernel share.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) path: PathBuf,
    pub(super) size: u64,
}

impl Facts {
    /// Those of a kernel tree, and of the modules of its release in the root.
    ///
    /// # Errors
    /// For a root, a `Module.symvers` or a configuration that cannot be read.
    pub(super) fn of_tree(tree: &Kernel, root: &Path) -> Result<Facts> {
        let image = Image::open(root)?;
        let mut symbols = Symbols::default();
        let symvers = tree.symvers();
        if let Some(path) = &symvers {
            symbols.add(&Symvers::read(path)?, true);
        }
        let lists = Lists {
            image: &image,
            tree,
        };
        Ok(Facts {
            shown: tree.release().to_owned(),
            vermagic: Vermagic::of(tree),
            knows_symbols: symvers.is_some(),
            symbols,
            has_modversions: tree.has_modversions(),
            sample: lists.sample(),
            built_in: lists.built_in(),
            knows_built_in: lists.read("modules.builtin").is_some(),
            installed: lists.installed(),
            btf: OnceCell::new(),
            in_tree: lists.in_tree(),
            target: Some(Target::of_tree(&image, tree.clone())?),
            tree: Some(tree.clone()),
        })
    }

    /// Those of a `Module.symvers` and nothing else.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn of_symvers(path: &Path) -> Result<Facts> {
        let mut symbols = Symbols::default();
        symbols.add(&read_symvers(path)?, true);
        Ok(Facts {
            shown: path.display().to_string(),
            tree: None,
            target: None,
            vermagic: None,
            knows_symbols: true,
            has_modversions: symbols.have_checksums(),
            symbols,
            sample: None,
            built_in: BTreeMap::new(),
            knows_built_in: false,
            installed: None,
            btf: OnceCell::new(),
            in_tree: BTreeSet::new(),
        })
    }

    /// Whether a configuration symbol is `y`; `None` without a kernel tree.
    pub(super) fn is_on(&self, name: &str) -> Option<bool> {
        let tree = self.tree.as_ref()?;
        Some(tree.config(name) == Some("y"))
    }

    /// Whether the kernel is at least this version; `None` if it is not known.
    pub(super) fn is_from(&self, version: (u32, u32)) -> Option<bool> {
        self.tree.as_ref().map(|tree| tree.version() >= version)
    }

    /// The kind of its ELF files, if kbuild-rs knows the architecture.
    pub(super) fn elf(&self) -> Option<Elf> {
        use object::elf;
        let tree = self.tree.as_ref()?;
        let is_64 = matches!(tree.arch(), "arm64" | "s390" | "loongarch" | "alpha")
            || tree.is_enabled("64BIT");
        let machine = match (tree.arch(), is_64) {
            ("x86", true) => elf::EM_X86_64,
            ("x86", false) => elf::EM_386,
            ("arm64", _) => elf::EM_AARCH64,
            ("arm", _) => elf::EM_ARM,
            ("riscv", _) => elf::EM_RISCV,
            ("s390", _) => elf::EM_S390,
            ("powerpc", true) => elf::EM_PPC64,
            ("powerpc", false) => elf::EM_PPC,
            ("mips", _) => elf::EM_MIPS,
            ("loongarch", _) => elf::EM_LOONGARCH,
            _ => return None,
        };
        let is_big = tree.is_enabled("CPU_BIG_ENDIAN") || tree.arch() == "s390";
        Some(Elf {
            machine: machine.0,
            is_64,
            is_little: !is_big,
        })
    }

    /// What the BTF of the kernel tree's vmlinux has; `None` without it.
    pub(super) fn btf(&self, is_little: bool) -> Option<Extent> {
        let read = || {
            let vmlinux = self.tree.as_ref()?.dir().join("vmlinux");
            let base = crate::kernel::btf::Base::read(&vmlinux).ok()?;
            Extent::of(&base.bytes, is_little)
        };
        *self.btf.get_or_init(read)
    }

    /// Whether the root has a list of modules, and one of the kernel's own is not in it.
    pub(super) fn lacks(&self, name: &str) -> bool {
        let installed = self.installed.as_ref();
        installed.is_some_and(|all| !all.contains(name)) && !self.built_in.contains_key(name)
    }

    /// Whether its modules' exported symbols have flags. `include/linux/export-internal.h` of such a
    /// kernel makes them.
    pub(super) fn wants_flags(&self) -> bool {
        let source = self.tree.as_ref().map(Kernel::source_dir);
        let header = source.map(|dir| dir.join("include/linux/export-internal.h"));
        let text = header.and_then(|file| regular::read_to_string(file).ok());
        text.is_some_and(|text| text.contains("__kflagstab"))
    }
}

/// Reads a symvers that the caller named: a missing one is a wrong call.
pub(super) fn read_symvers(path: &Path) -> Result<Symvers> {
    match path.try_exists() {
        Ok(false) => Err(Error::new(
            ErrorKind::SourceNotFound,
            format!(
                "the symvers {} does not exist. Name a Module.symvers (--symvers)",
                path.display()
            ),
        )),
        _ => Symvers::read(path),
    }
}

/// The lists of a kernel's own modules: those in the root, else those of a built kernel tree.
struct Lists<'a> {
    image: &'a Image,
    tree: &'a Kernel,
}

impl Lists<'_> {
    fn read(&self, name: &str) -> Option<String> {
        let of_tree = || {
            let bytes = regular::read(self.tree.dir().join(name)).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        self.of_root(name).or_else(of_tree)
    }

    fn of_root(&self, name: &str) -> Option<String> {
        let release = self.tree.release();
        let bytes = ["lib/modules", "usr/lib/modules"]
            .into_iter()
            .find_map(|dir| {
                let place = Path::new(dir).join(release).join(name);
                self.image.read(&place).ok().flatten()
            })?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn installed(&self) -> Option<BTreeSet<String>> {
        let dep = self.of_root("modules.dep")?;
        let paths = dep.lines().filter_map(|line| line.split_once(':'));
        Some(paths.filter_map(|(path, _)| name_of(path)).collect())
    }

    fn built_in(&self) -> BTreeMap<String, bool> {
        let list = self.read("modules.builtin").unwrap_or_default();
        let info = self.read("modules.builtin.modinfo").unwrap_or_default();
        // `name.parm=…`, with a NUL behind each
        let fields = info.split('\0').filter_map(|entry| entry.split_once('.'));
        let mut found: BTreeMap<String, bool> = list
            .lines()
            .filter_map(|line| Some((name_of(line)?, false)))
            .collect();
        for (name, field) in fields {
            let has_version = field.starts_with("version=");
            // Files that cannot be modules have parameters, too: printk.
            if has_version || field.starts_with("parm=") {
                *found.entry(name.to_owned()).or_insert(false) |= has_version;
            }
        }
        found
    }

    fn in_tree(&self) -> BTreeSet<String> {
        let order = self.read("modules.order").unwrap_or_default();
        order.lines().filter_map(name_of).collect()
    }

    /// One of the kernel's own modules, which all have the same `struct module`.
    fn sample(&self) -> Option<Sample> {
        let release = self.tree.release();
        let of_root = |path: &str| {
            ["lib/modules", "usr/lib/modules"]
                .into_iter()
                .find_map(|dir| {
                    let place = Path::new(dir).join(release).join(path);
                    let bytes = self.image.read(&place).ok().flatten()?;
                    sample(&bytes, &self.image.shown(&place), release)
                })
        };
        let dep = self.read("modules.dep").unwrap_or_default();
        let installed = dep.lines().filter_map(|line| line.split_once(':'));
        let own = installed.map(|(path, _)| path);
        let mut own = own.filter(|path| path.starts_with("kernel/")).take(4);
        own.find_map(of_root).or_else(|| {
            // A built tree: its list has the objects, or the modules.
            let order = regular::read_to_string(self.tree.dir().join("modules.order")).ok()?;
            order.lines().take(4).find_map(|line| {
                let stem = line.strip_suffix(".o").or(line.strip_suffix(".ko"))?;
                let path = self.tree.dir().join(format!("{stem}.ko"));
                sample(&regular::read(&path).ok()?, &path, release)
            })
        })
    }
}

fn sample(bytes: &[u8], path: &Path, release: &str) -> Option<Sample> {
    let bytes = crate::module::modinfo::unpacked(bytes, path).ok()?;
    let module = Subject::of_bytes(&bytes, path).ok()?;
    // A root may have modules of another build in this folder.
    (module.info.release == release).then(|| Sample {
        path: path.to_owned(),
        size: module.size,
    })
}

/// The kernel's name of a module in one of its lists.
fn name_of(line: &str) -> Option<String> {
    let file = line.rsplit('/').next()?;
    let endings = [".o", ".ko", ".ko.xz", ".ko.zst", ".ko.gz"];
    let stem = endings
        .iter()
        .find_map(|ending| file.strip_suffix(ending))?;
    Some(stem.replace('-', "_"))
}
