// Nothing here names the SDK: its symbols and its headers come by way of Cargo.
fn main() {
    kbuild::Build::new().file("module/alarm.c").compile("alarm");
}
