//! The longer texts of `--help`.

pub(super) const PROGRAM: &str = "\
If you know `make -C $KDIR M=$PWD`:
  modules, ./           kbuild-rs build
  foo.o, foo.lst, dir/  kbuild-rs build --target foo.o (also foo.i, foo.s, foo.ko)
  always-y += fw.bin    kbuild-rs build --product fw.bin (also publishes it)
  clean                 kbuild-rs clean
  help                  kbuild-rs build --target help
  modules_install       kbuild-rs install
  scripts/sign-file     kbuild-rs sign
  CONFIG_FOO=m          kbuild-rs build --config FOO=m
  KBUILD_EXTRA_SYMBOLS  kbuild-rs build --symvers FILE
  NAME=VALUE            kbuild-rs build --make-var NAME=VALUE
  -n                    kbuild-rs build --dry-run

Exit status:
  0  success: everything was built or was up to date
  1  failure: no such kernel, no compiler, make reported an error, the disk is full
  2  wrong call: an unknown flag, a bad value, a missing source
  77 skipped: the kernel does not meet a stated requirement

`kbuild-rs build --help` has examples.";

pub(super) const BUILD_USAGE: &str = "\
kbuild-rs build [OPTIONS] [DIR]...
       kbuild-rs build [OPTIONS] --name NAME SOURCE...
       kbuild-rs @FILE (read the arguments from FILE, one per line)";

pub(super) const BUILD: &str = "\
Build a module tree, or one module from a list of sources.

A module tree is a folder with a Kbuild or a Makefile that the kernel's build system reads. \
kbuild-rs builds every module in it. With --name, the arguments are the sources of one module, and \
no Kbuild is needed. In both cases, kbuild-rs copies the sources to the stage, a private folder in \
the output directory. The kernel's own build system builds them there. kbuild-rs does not write to \
the sources or to the kernel tree.

If nothing changed, nothing runs. With several trees or several kernels, each tree is built for \
each kernel. These builds run in parallel, and the others continue if one fails. The jobserver of \
the outer build (make, Cargo) limits the number of jobs. Without a jobserver, all builds into one \
output directory share -j jobs.";

pub(super) const BUILD_EXAMPLES: &str = "\
Examples:
  Build the module tree in this folder for the running kernel, into kbuild-out/
      kbuild-rs build

  Build it for two kernels, into out/<release>/
      kbuild-rs build driver --kernel 6.1.0-40-amd64 --kernel ~/src/linux -o out

  Build two trees for every kernel on this machine; user needs symbols of ring
      kbuild-rs build ring user --symvers ring --all-kernels

  Build one module from sources
      kbuild-rs build --name hello hello.c ring.c -I include -D DEBUG --cflag -O1

  Build a module that uses the symbols of another one
      kbuild-rs build ring && kbuild-rs build hello --symvers kbuild-out/ring.symvers

  Build for another architecture
      kbuild-rs build --kernel ~/src/linux-arm64 --arch arm64 --cross-compile aarch64-linux-gnu-

  Show the exact make command line, and run nothing
      kbuild-rs build --dry-run

  As a rule in build.ninja, with depfile = $out.d, deps = gcc and restat = 1
      kbuild-rs build --name hello --output $out --depfile $out.d $in

--cflag, --asflag, --rustflag, --ldflag and --llvm accept a value that begins with a dash. For \
any other flag, write --flag=-value.

Exit status: 0 built or up to date, 1 the build failed, 2 wrong call, 77 the kernel does not meet a stated
requirement (with several kernels: no kernel does).";

pub(super) const IDE_USAGE: &str = "\
kbuild-rs ide [OPTIONS] [DIR]
       kbuild-rs ide [OPTIONS] --name NAME SOURCE...";

pub(super) const IDE_EXAMPLES: &str = "\
Examples:
  Build the module tree in this folder, and put the files for an editor here
      kbuild-rs ide

  Build the folder driver for another kernel, and put the files into the folder that the editor opens
      kbuild-rs ide driver --kernel 6.1.0-40-amd64 --into ~/src/project

An editor shows the code for one kernel: name at most one.";

pub(super) const PROBE_EXAMPLES: &str = "\
Examples:
  Ask three questions about the running kernel
      kbuild-rs probe --has-header HAVE_UNALIGNED=linux/unaligned.h \\
          --has-symbol HAVE_TIMER_DELETE=timer_delete@linux/timer.h \\
          --has-member 'HAVE_PROC_OPS=struct proc_ops.proc_open@linux/proc_fs.h'

  Ask whether a file compiles for another kernel
      kbuild-rs probe --kernel 6.1.0-40-amd64 --compiles HAVE_CLASS_CREATE_1=test.c

The exit status is 0 if every question has an answer, yes or no.";

pub(super) const CLEAN_EXAMPLES: &str = "\
Examples:
  Remove all outputs of builds in kbuild-out/
      kbuild-rs clean

  Remove the outputs of the folder driver, and keep the rest
      kbuild-rs clean driver -o out";

pub(super) const SIGN_EXAMPLES: &str = "\
Examples:
  Sign a module in place; the key's passphrase is in KBUILD_SIGN_PIN
      kbuild-rs sign kbuild-out/hello.ko --key mok.key --cert mok.der

  Sign with a key on a token, into another folder
      kbuild-rs sign a.ko b.ko --key 'pkcs11:token=mok;object=signing' --cert mok.der -o signed/

kbuild-rs replaces an existing signature. It writes a new file: another hard link keeps the old contents, \
and the new file replaces a symbolic link. docs/signing.md describes keys and their enrolment.

Exit status: 0 signed, 1 a module could not be signed, 2 wrong call.";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  Would the modules of the last build load on the kernel that they were built for?
      kbuild-rs check

  Would a module load on every kernel of this machine?
      kbuild-rs check hello.ko --all-kernels

  Would a module load in an image whose kernel only loads signed modules?
      kbuild-rs check hello.ko --kernel KDIR --root image --enforce-signatures --trusted-cert mok.der

kbuild-rs compares files as the kernel does, and prints the kernel's own messages. It runs no code of \
the modules or of the kernel tree, and does not need root. docs/check.md describes each comparison, and lists \
what is not compared.

Exit status: 0 all modules load, 1 a module does not load or its verdict is unclear, 2 wrong call.";

pub(super) const PACKAGE_EXAMPLES: &str = "\
Examples:
  A Debian package of all modules in kbuild-out, for each kernel that they were built for
      kbuild-rs package --format deb

  One rpm for each module, signed
      kbuild-rs package --format rpm --split --key mok.key --cert mok.der

A deb or an rpm depends on its kernel. If its modules need modules of another package of this call, it \
depends on that package. Its scripts run depmod. With SOURCE_DATE_EPOCH, equal modules give equal packages. docs/packaging.md \
describes the formats.

Exit status: 0 written, 1 a package could not be written, 2 wrong call.";

pub(super) const KERNELS_MARKS: &str = "\
In the table, * marks the kernel tree that `build` uses without --kernel. ! marks one that cannot \
be used, and the next line says why. If several trees have the same release, choose one with \
--kernel PATH.

Places searched: /lib/modules/*/build, /usr/src/linux-headers-*, /usr/src/kernels/*, and the tree \
that KDIR names.

What a tree can do:
  C        build modules from C and assembler: CONFIG_MODULES is on, the compiler is installed
  symvers  check symbols: the tree has a Module.symvers
  BTF      give modules type information: CONFIG_DEBUG_INFO_BTF_MODULES is on, vmlinux exists
  Rust     build modules from Rust: CONFIG_RUST is on, the crate metadata exists
  signing  the kernel checks the signatures of modules (CONFIG_MODULE_SIG)";

pub(super) const INSTALL_EXAMPLES: &str = "\
Examples:
  Install the modules in kbuild-out/ for the kernels that they were built for
      kbuild-rs install

  Install one module into an image, and load it at boot
      kbuild-rs install out/hello.ko --root /mnt/image --load

  Show what would be installed for one kernel, and change nothing
      kbuild-rs install --kernel 6.1.0-40-amd64 --dry-run

Each module goes to lib/modules/RELEASE/updates/ of the root. If anything fails, the earlier modules \
stay. The next call undoes an interrupted installation.

Exit status: 0 installed or up to date, 1 failed, 2 wrong call.";

pub(super) const UNINSTALL_USAGE: &str = "\
kbuild-rs uninstall [OPTIONS] MODULE...
       kbuild-rs uninstall [OPTIONS] --all";

pub(super) const UNINSTALL_EXAMPLES: &str = "\
Examples:
  Remove the module hello, for all kernels
      kbuild-rs uninstall hello

  Remove everything that kbuild-rs installed into an image
      kbuild-rs uninstall --all --root /mnt/image

kbuild-rs restores a file that `install --replace` moved away. It keeps a module file that somebody \
changed. With the last module, it also removes the journal and its own folders.

Exit status: 0 removed, 1 failed, 2 wrong call or no such module.";

pub(super) const ROLLBACK_EXAMPLES: &str = "\
Examples:
  Go back to the modules before the last install
      kbuild-rs rollback

  Show what would change in an image
      kbuild-rs rollback --root /mnt/image --dry-run

A second rollback goes forward again. After `uninstall` has removed the last module, there is nothing \
to go back to.

Exit status: 0 done, 1 failed, 2 wrong call or no earlier state.";

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  List the modules that kbuild-rs installed: release, name, version, state, file
      kbuild-rs status

  Check an image: files, owners, modes, and modules.dep
      kbuild-rs verify --root /mnt/image

A module is intact, changed or missing. Exit status of `verify`: 0 no difference, 1 a difference.";

pub(super) const CACHE_PRUNE_EXAMPLES: &str = "\
Examples:
  Keep at most one gigabyte
      kbuild-rs cache prune --size 1G

  Remove everything
      kbuild-rs cache prune --all --cache DIR

Exit status: 0 done, 1 failed, 2 wrong call.";

pub(super) const CACHE_VERIFY_USAGE: &str = "\
kbuild-rs cache verify [--cache DIR]
       kbuild-rs cache verify [OPTIONS OF BUILD] DIR...
       kbuild-rs cache verify [OPTIONS OF BUILD] --name NAME SOURCE...";

pub(super) const CACHE_VERIFY_EXAMPLES: &str = "\
Examples:
  Read everything in the cache, and remove what is damaged
      kbuild-rs cache verify

  Build a module tree without the cache, and compare it with what is stored
      kbuild-rs cache verify driver --kernel 6.1.0-40-amd64

The second form takes the options of `kbuild-rs build`. It builds in temporary folders.

Exit status: 0 all sound and equal, 1 damaged, different or not in the cache, 2 wrong call.";

#[cfg(feature = "test")]
pub(super) const TEST_EXAMPLES: &str = "\
A test boots the kernel in QEMU, loads the modules with those of the kernel that they need, runs the
command, and unloads the modules. It fails if a module does not load or unload, if the command fails,
or if the kernel reports an oops, a warning, an unexpected taint, a possible deadlock (lockdep), a leak
(kmemleak), a hang, or a failed KUnit case. Standard output gets TAP.

Examples:
  kbuild-rs test                             test the modules in kbuild-out on their kernels
  kbuild-rs test driver --all-kernels        build the tree for all kernels, and test it on each
  kbuild-rs test hello.ko --run 'grep hello /proc/modules'
  kbuild-rs test hello.ko --file check:/bin/check --run check --junit results.xml

Exit status:
  0  every kernel passed, or was skipped with --all-kernels
  1  a test failed, a build failed, or no kernel could be tested
  2  wrong call
  77 no kernel meets the requirements of a module tree, and nothing else was tested";
