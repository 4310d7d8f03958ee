//! The programs of a kernel tree that a module build runs. Checks whether this machine can run
//! them.
//!
//! The ELF header of a program shows whether it can run here. The program is only started if the
//! header says no, because an emulator may still run it. So other builds need no additional
//! process.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::io::Errno;

use super::Kernel;
use crate::sys::regular;
use crate::{Error, ErrorKind, Result};

/// The programs that each build runs: the folder, and the beginning of the file's name. Debian puts
/// a script in front of some, which runs `modpost.real-lsb-64` and the like.
const PROGRAMS: &[(&str, &str)] = &[
    ("scripts/basic", "fixdep"),
    ("scripts/mod", "modpost"),
    ("tools/objtool", "objtool"),
];

const SYMBOLS: &str = "GLIBC_2.";

impl Kernel {
    /// Refuses a tree whose programs were built for another machine, or for a newer C library than
    /// this machine's. It starts a process only if a program's header looks like that.
    ///
    /// # Errors
    /// [`ErrorKind::KernelNotPrepared`], with the system's message about the program.
    pub(crate) fn check_programs(&self) -> Result<()> {
        let Some(mut here) = Here::new() else {
            return Ok(());
        };
        for path in self.programs() {
            let program = Elf::of(&path);
            let Some(doubt) = program.and_then(|program| program.doubt(&mut here)) else {
                continue;
            };
            // An emulator may run what this machine cannot.
            if let Some(said) = failure(&path) {
                return Err(Error::new(
                    ErrorKind::KernelNotPrepared,
                    format!(
                        "the kernel tree {} cannot build modules here, because its own program {} \
                         does not run: {said}\n{doubt}",
                        self.dir.display(),
                        path.display(),
                    ),
                ));
            }
        }
        Ok(())
    }

    fn programs(&self) -> Vec<PathBuf> {
        let mut programs = Vec::new();
        for (folder, start) in PROGRAMS {
            let entries = fs::read_dir(self.dir.join(folder)).into_iter().flatten();
            let named = entries.flatten().filter(|entry| {
                let name = entry.file_name();
                name.to_str()
                    .is_some_and(|name| name.starts_with(start) && !name.ends_with(".o"))
            });
            programs.extend(named.map(|entry| entry.path()));
        }
        programs.sort();
        programs
    }
}

/// The machine that kbuild-rs runs on.
struct Here {
    /// The machine's number in ELF files.
    machine: u16,
    /// The version of the C library beside each loader, if it is known.
    libraries: BTreeMap<PathBuf, Option<u32>>,
}

impl Here {
    fn new() -> Option<Here> {
        let mut header = [0; 20];
        let mut file = regular::open(Path::new("/proc/self/exe")).ok()?;
        file.read_exact(&mut header).ok()?;
        Some(Here {
            machine: u16::from_ne_bytes([header[18], header[19]]),
            libraries: BTreeMap::new(),
        })
    }

    /// The newest version of symbols in the C library beside the loader. All programs name one
    /// loader, so the answer is kept.
    fn library(&mut self, loader: PathBuf) -> Option<u32> {
        let library = loader.with_file_name("libc.so.6");
        let known = self.libraries.entry(loader);
        *known.or_insert_with(|| Elf::of(&library)?.defined)
    }
}

/// The message of the system or the loader, if a program does not start.
fn failure(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env("LC_ALL", "C");
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            said.lines()
                .find(|line| is_of_loader(line))
                .map(str::to_owned)
        }
        // The loader that the program names is missing.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Some(e.to_string()),
        Err(e) if Errno::from_io_error(&e) == Some(Errno::NOEXEC) => Some(e.to_string()),
        Err(_) => None,
    }
}

/// Whether a line is a message of the loader: `…/libc.so.6: version `GLIBC_2.38' not found
/// (required by scripts/mod/modpost)`.
pub(crate) fn is_of_loader(line: &str) -> bool {
    line.contains(": version `GLIBC_") && line.contains("' not found")
}

/// The part of an ELF file that tells whether it can run.
#[derive(Debug)]
struct Elf {
    machine: u16,
    /// The loader that the file names.
    interpreter: Option<PathBuf>,
    /// The newest version of the C library's symbols that the file needs: 38 of `GLIBC_2.38`.
    newest: Option<u32>,
    /// The newest version that the file itself defines.
    defined: Option<u32>,
}

/// The types of the sections that list needed and defined versions of symbols.
const NEEDED: usize = 0x6fff_fffe;
const DEFINED: usize = 0x6fff_fffd;

/// The places of the fields of an ELF file's tables.
pub(super) struct Layout {
    pub(super) wide: bool,
    pub(super) big_endian: bool,
}

impl Layout {
    /// The field of this size at the place for the file's class.
    pub(super) fn field(
        &self,
        bytes: &[u8],
        [narrow, wide]: [usize; 2],
        size: usize,
    ) -> Option<usize> {
        let at = if self.wide { wide } else { narrow };
        let field = bytes.get(at..at.checked_add(size)?)?;
        let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
        Some(match self.big_endian {
            true => field.iter().fold(0, add),
            false => field.iter().rev().fold(0, add),
        })
    }

    /// A field with an address or an offset.
    pub(super) fn word(&self, bytes: &[u8], places: [usize; 2]) -> Option<usize> {
        self.field(bytes, places, if self.wide { 8 } else { 4 })
    }
}

impl Elf {
    /// Reads the tables of a file and the names of versions, and nothing else: a C library is large,
    /// and each build looks at it.
    fn of(path: &Path) -> Option<Elf> {
        let file = regular::open(path).ok()?;
        let length = usize::try_from(file.metadata().ok()?.len()).ok()?;
        let part = |at: usize, size: usize| part(&file, length, at, size);
        let header = part(0, length.min(64))?;
        let [0x7f, b'E', b'L', b'F', class, order, ..] = header[..] else {
            return None;
        };
        let layout = Layout {
            wide: class == 2,
            big_endian: order == 2,
        };
        let table = |offset, size, count| {
            let offset = layout.word(&header, offset)?;
            let size = layout.field(&header, size, 2)?;
            let count = layout.field(&header, count, 2)?;
            let bytes = part(offset, size.checked_mul(count)?)?;
            Some(
                bytes
                    .chunks_exact(size.max(1))
                    .map(<[u8]>::to_vec)
                    .collect::<Vec<_>>(),
            )
        };
        let mut interpreter = None;
        for entry in table([28, 32], [42, 54], [44, 56])? {
            if layout.field(&entry, [0, 0], 4)? == 3 {
                let name = part(layout.word(&entry, [4, 8])?, layout.word(&entry, [16, 32])?)?;
                let name = name.split(|b| *b == 0).next()?;
                interpreter = Some(PathBuf::from(String::from_utf8_lossy(name).into_owned()));
            }
        }
        let sections = table([32, 40], [46, 58], [48, 60]).unwrap_or_default();
        let newest = |kind: usize| {
            let is_kind = |entry: &&Vec<u8>| layout.field(entry, [4, 4], 4) == Some(kind);
            let list = sections.iter().find(is_kind)?;
            let names = sections.get(layout.field(list, [24, 40], 4)?)?;
            let names = part(layout.word(names, [16, 24])?, layout.word(names, [20, 32])?)?;
            versions(&names).max()
        };
        Some(Elf {
            machine: u16::try_from(layout.field(&header, [18, 18], 2)?).ok()?,
            interpreter,
            newest: newest(NEEDED),
            defined: newest(DEFINED),
        })
    }

    /// The reason why the file may not run here, and the remedy.
    fn doubt(&self, here: &mut Here) -> Option<String> {
        if self.machine != here.machine {
            return Some(format!(
                "It was built for {}, but this machine is {}. A package of kernel headers only has \
                 programs for its own architecture. Take the source of that kernel, with its \
                 configuration, and build the programs here:\n    make ARCH=… CROSS_COMPILE=… \
                 modules_prepare",
                machine(self.machine),
                machine(here.machine)
            ));
        }
        let interpreter = self.interpreter.as_ref()?;
        let Ok(loader) = fs::canonicalize(interpreter) else {
            return Some(format!(
                "It needs the loader {}, which this machine does not have. Build in a container of \
                 that kernel's distribution",
                interpreter.display()
            ));
        };
        let needed = self.newest?;
        let newest = here.library(loader)?;
        (needed > newest).then(|| {
            format!(
                "It needs the C library 2.{needed}, but this machine has 2.{newest}. Build in a \
                 container of that kernel's distribution. Or take the source of that kernel, with \
                 its configuration, and build the programs here:\n    make modules_prepare"
            )
        })
    }
}

/// A part of a file of this length.
fn part(file: &File, length: usize, at: usize, size: usize) -> Option<Vec<u8>> {
    let end = at.checked_add(size)?;
    if end > length {
        return None;
    }
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, u64::try_from(at).ok()?)
        .ok()?;
    Some(bytes)
}

/// The versions of the C library's symbols among these names.
fn versions(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let names = bytes.split(|b| *b == 0);
    names.filter_map(|name| {
        let version = name.strip_prefix(SYMBOLS.as_bytes())?;
        let version = std::str::from_utf8(version).ok()?;
        version.split('.').next()?.parse().ok()
    })
}

/// The name of a machine (`e_machine`, from the ELF specification's list).
fn machine(number: u16) -> String {
    let name = match number {
        3 => "i386",
        8 => "mips",
        20 => "ppc",
        21 => "ppc64",
        22 => "s390x",
        40 => "arm",
        62 => "x86_64",
        183 => "arm64",
        243 => "riscv",
        258 => "loongarch",
        number => return format!("another machine (ELF number {number})"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn the_header_of_this_program_is_read_and_raises_no_doubt() {
        let this = Elf::of(&std::env::current_exe().unwrap()).unwrap();
        let mut here = Here::new().unwrap();
        assert_eq!(this.machine, here.machine);
        assert_eq!(this.doubt(&mut here), None);
        let root = Root::new();
        let none = |bytes: &[u8]| Elf::of(&root.write("file", bytes)).is_none();
        assert!(none(b"#!/bin/sh\n") && none(b"\x7fELF\x02\x01") && none(b""));
        // The tables are said to lie behind the end of the file.
        let mut bytes = fs::read("/proc/self/exe").unwrap();
        bytes.truncate(64);
        assert!(none(&bytes));
        bytes[32..48].fill(0xff);
        assert!(none(&bytes));
    }

    #[test]
    fn another_machine_a_missing_loader_and_a_newer_library_are_reported() {
        let here = Elf::of(&std::env::current_exe().unwrap()).unwrap();
        let Some(needed) = here.newest.filter(|_| here.interpreter.is_some()) else {
            println!("not run: this program needs no C library at run time");
            return;
        };
        let doubt = |machine, interpreter: Option<&str>, newest| {
            let elf = Elf {
                machine,
                interpreter: interpreter.map(PathBuf::from).or(here.interpreter.clone()),
                newest: Some(newest),
                defined: None,
            };
            elf.doubt(&mut Here::new().unwrap()).unwrap_or_default()
        };
        assert_eq!(doubt(here.machine, None, needed), "");
        assert!(doubt(here.machine, None, 999).contains("needs the C library 2.999"));
        assert!(doubt(here.machine, Some("/no/ld.so"), needed).contains("the loader /no/ld.so"));
        assert!(doubt(22, None, needed).contains("built for s390x"));
    }

    #[test]
    fn only_a_program_that_does_not_start_is_refused() {
        let root = Root::new();
        let dir = root.kernel("tree", "6.1.0");
        let kernel = Kernel::open(&dir).unwrap();
        assert!(kernel.check_programs().is_ok());
        // A script, and a program that runs although its header says no.
        root.write("tree/scripts/basic/fixdep", "#!/bin/sh\n");
        assert!(kernel.check_programs().is_ok());
        let mut bytes = std::fs::read("/proc/self/exe").unwrap();
        let put = |bytes: &[u8]| {
            root.remove("tree/scripts/basic/fixdep");
            root.executable("tree/scripts/basic/fixdep", bytes);
        };
        let machine = if cfg!(target_endian = "big") {
            [0, 22]
        } else {
            [22, 0]
        };
        bytes[18..20].copy_from_slice(&machine);
        put(&bytes);
        // The file is busy while a child of another thread has it open.
        let text = (0..500).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            kernel.check_programs().err()
        });
        let text = text.unwrap().to_string();
        assert!(
            text.contains("fixdep does not run: Exec format error"),
            "{text}"
        );
        assert!(text.contains("modules_prepare"), "{text}");
    }
}
