//! The programs of a kernel tree that a module build runs. Checks whether this machine can run
//! them.
//!
//! The ELF header of a program shows whether it can run here. The program is only started if the
//! header says no, because an emulator may still run it. So other builds need no additional
//! process.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
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
            let program = regular::read(&path).ok();
            let program = program.and_then(|bytes| Elf::parse(&bytes));
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

    /// The newest version of symbols in the C library beside the loader. The file is large, and all
    /// programs name one loader, so the answer is kept.
    fn library(&mut self, loader: PathBuf) -> Option<u32> {
        let library = loader.with_file_name("libc.so.6");
        let known = self.libraries.entry(loader);
        *known.or_insert_with(|| versions(&regular::read(library).ok()?).max())
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
    /// The newest version of the C library's symbols that the file names: 38 of `GLIBC_2.38`.
    newest: Option<u32>,
}

impl Elf {
    fn parse(bytes: &[u8]) -> Option<Elf> {
        let [0x7f, b'E', b'L', b'F', class, order, ..] = *bytes else {
            return None;
        };
        let number = |at: usize, size: usize| -> Option<usize> {
            let field = bytes.get(at..at.checked_add(size)?)?;
            let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
            Some(match order {
                2 => field.iter().fold(0, add),
                _ => field.iter().rev().fold(0, add),
            })
        };
        // Offsets in the file: (table, size and count of its entries), and in an entry (offset,
        // size).
        let wide = class == 2;
        let word = if wide { 8 } else { 4 };
        let table = number(if wide { 32 } else { 28 }, word)?;
        let size = number(if wide { 54 } else { 42 }, 2)?;
        let count = number(if wide { 56 } else { 44 }, 2)?;
        let mut interpreter = None;
        for entry in 0..count {
            let at = table.checked_add(entry * size)?;
            if number(at, 4)? == 3 {
                let offset = number(at + if wide { 8 } else { 4 }, word)?;
                let length = number(at + if wide { 32 } else { 16 }, word)?;
                let name = bytes.get(offset..offset.checked_add(length)?)?;
                let name = name.split(|b| *b == 0).next()?;
                interpreter = Some(PathBuf::from(String::from_utf8_lossy(name).into_owned()));
            }
        }
        Some(Elf {
            machine: u16::try_from(number(18, 2)?).ok()?,
            interpreter,
            newest: versions(bytes).max(),
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

/// The versions of the C library's symbols that a file names.
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
        let this = Elf::parse(&fs::read("/proc/self/exe").unwrap()).unwrap();
        let mut here = Here::new().unwrap();
        assert_eq!(this.machine, here.machine);
        assert_eq!(this.doubt(&mut here), None);
        assert_eq!(Elf::parse(b"#!/bin/sh\n").map(|e| e.machine), None);
        assert_eq!(Elf::parse(b"\x7fELF\x02\x01").map(|e| e.machine), None);
    }

    #[test]
    fn another_machine_a_missing_loader_and_a_newer_library_are_reported() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        let here = Elf::parse(&bytes).unwrap();
        let Some(needed) = here.newest.filter(|_| here.interpreter.is_some()) else {
            println!("not run: this program needs no C library at run time");
            return;
        };
        let doubt = |machine, interpreter: Option<&str>, newest| {
            let elf = Elf {
                machine,
                interpreter: interpreter.map(PathBuf::from).or(here.interpreter.clone()),
                newest: Some(newest),
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
