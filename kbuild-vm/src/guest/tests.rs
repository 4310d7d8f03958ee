use super::*;

fn guest(arch: Arch) -> Guest {
    let kernel = Kernel {
        release: "6.12".into(),
        arch,
        image: "/boot/vmlinuz".into(),
        modules: "/no/such/folder".into(),
    };
    Guest::new(kernel, "/no/such/busybox")
}

fn line(arch: Arch) -> String {
    words_of(&guest(arch).memory(256))
}

fn words_of(guest: &Guest) -> String {
    let qemu = guest.qemu(&Place(tempfile::tempdir().unwrap()));
    let words = std::iter::once(qemu.get_program()).chain(qemu.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

#[test]
fn guests_are_emulated_and_speak_through_their_machines_serial_console() {
    for (arch, program, console) in [
        (Arch::X86_64, "qemu-system-x86_64 -M pc ", "console=ttyS0 "),
        (
            Arch::Arm64,
            "qemu-system-aarch64 -M virt ",
            "console=ttyAMA0 ",
        ),
    ] {
        let line = line(arch);
        assert!(line.starts_with(program), "{line}");
        for part in ["-accel tcg", "-m 256", "-kernel /boot/vmlinuz", console] {
            assert!(line.contains(part), "no {part}: {line}");
        }
    }
}

#[test]
fn firmware_disks_and_parameters_are_words_of_qemus() {
    let firmware = Firmware {
        code: "/code.fd".into(),
        variables: "/variables.fd".into(),
    };
    let line = words_of(
        &guest(Arch::X86_64)
            .firmware(firmware)
            .disk("/a,b.img")
            .parameters("module.sig_enforce=1"),
    );
    for part in [
        "-drive if=pflash,unit=0,readonly=on,format=raw,file=/code.fd ",
        "-drive if=virtio,format=raw,file=/a,,b.img ",
        "quiet no_timer_check module.sig_enforce=1",
    ] {
        assert!(line.contains(part), "no {part}: {line}");
    }
    assert!(!line.contains("=/variables.fd"), "no copy: {line}");
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let error = guest(Arch::X86_64).run().unwrap_err().to_string();
    assert!(error.starts_with("/no/such/busybox: "), "{error}");
}
