//! The table: outer builds of every kind, and the number of compilers that each of them ran.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use kbuild_tests::lab::LabKernel;
use kbuild_tests::scope;

use crate::cell::Make::{New, Old};
use crate::cell::Server::{Closed, Device, Fifo, File, None as Silent, OneJob, Pipe, Pipes};
use crate::cell::Under::{Cargo, Make, NewNinja, OldNinja};
use crate::cell::{Cell, Tools, package};
use crate::many::{self, PARTS};
use crate::meeting::Meeting;
use crate::support::project::Project;

const fn cell(
    server: crate::cell::Server,
    outer: Option<crate::cell::Make>,
    under: crate::cell::Under,
    inner: crate::cell::Make,
    jobs: usize,
) -> Cell {
    Cell {
        server,
        outer,
        under,
        inner,
        jobs,
    }
}

/// Every value, and each pair that once failed: a fifo for an old make, a pipe for a new one, both
/// through Cargo and both ninjas, and each kind of dead jobserver everywhere.
const CELLS: &[Cell] = &[
    cell(Silent, Some(Old), Make, New, 4),
    cell(Pipe, Some(Old), Make, Old, 2),
    cell(Pipe, Some(New), Make, Old, 4),
    cell(Fifo, Some(New), Make, New, 7),
    cell(Fifo, Some(New), Make, Old, 4),
    cell(Device, None, Make, Old, 4),
    cell(Closed, Some(Old), Make, Old, 4),
    cell(File, Some(New), Make, New, 4),
    cell(Pipes, Some(Old), Make, New, 4),
    cell(OneJob, Some(Old), Make, Old, 1),
    cell(Pipe, Some(Old), OldNinja, Old, 7),
    cell(Fifo, Some(New), OldNinja, New, 7),
    cell(Silent, None, NewNinja, Old, 7),
    cell(Fifo, Some(New), NewNinja, Old, 7),
    cell(Closed, Some(Old), NewNinja, Old, 7),
    cell(Silent, None, Cargo, New, 7),
    cell(Pipe, Some(Old), Cargo, New, 2),
    cell(Fifo, Some(New), Cargo, Old, 4),
    cell(Pipes, Some(New), Cargo, New, 2),
];

/// The other pairs, in the full run.
const MORE: &[Cell] = &[
    cell(Silent, Some(Old), Make, Old, 1),
    cell(Silent, Some(New), Make, Old, 7),
    cell(Pipe, Some(Old), Make, New, 4),
    cell(Pipe, Some(New), Make, New, 7),
    cell(Closed, Some(New), Make, New, 7),
    cell(File, Some(Old), Make, Old, 7),
    cell(Silent, None, OldNinja, New, 2),
    cell(Pipe, Some(New), OldNinja, New, 4),
    cell(Fifo, Some(New), OldNinja, Old, 2),
    cell(Closed, Some(Old), OldNinja, New, 4),
    cell(File, Some(Old), OldNinja, Old, 2),
    cell(OneJob, Some(Old), OldNinja, Old, 1),
    cell(Pipe, Some(Old), NewNinja, Old, 4),
    cell(Pipe, Some(New), NewNinja, New, 2),
    cell(Fifo, Some(New), NewNinja, New, 4),
    cell(Device, None, NewNinja, New, 4),
    cell(Pipes, Some(Old), NewNinja, New, 4),
    cell(OneJob, Some(New), NewNinja, New, 1),
    cell(Silent, None, Cargo, Old, 4),
    cell(Silent, None, Cargo, Old, 1),
    cell(Pipe, Some(New), Cargo, Old, 7),
    cell(Fifo, Some(New), Cargo, New, 2),
    cell(Device, None, Cargo, New, 4),
    cell(Closed, Some(Old), Cargo, Old, 4),
    cell(Pipes, Some(Old), Cargo, Old, 4),
];

/// Several cells at once, because a cell mostly waits.
const AT_ONCE: usize = 4;

#[test]
fn there_are_as_many_compilers_as_there_are_tokens_under_every_outer_build() {
    let (tools, kernel, source) = (Tools::get(), many::kernel(), many::tree());
    let package = package(source.path());
    let more = if scope::is_full() { MORE } else { &[] };
    let cells = [CELLS, more].concat();
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(vec![String::new(); cells.len()]);
    let wrong = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(i) =
                    Some(next.fetch_add(1, Ordering::SeqCst)).filter(|&i| i < cells.len())
                {
                    let outcome = look(&cells[i], &tools, &kernel, source.path(), &package);
                    wrong.fetch_add(usize::from(outcome.is_err()), Ordering::SeqCst);
                    let (Ok(row) | Err(row)) = outcome;
                    rows.lock().unwrap()[i] = row;
                }
            });
        }
    });
    let mut table = format!("{PARTS} objects, {}\n", kernel.release);
    table += "jobserver      outer  under       inner  N  compilers at once\n";
    for (cell, row) in cells.iter().zip(rows.into_inner().unwrap()) {
        writeln!(table, "{cell}  {row}").unwrap();
    }
    println!("{table}");
    let wrong = wrong.into_inner();
    assert!(wrong == 0, "{wrong} of {} are wrong:\n{table}", cells.len());
}

/// The table's entry for a cell: right, or wrong.
fn look(
    cell: &Cell,
    tools: &Tools,
    kernel: &LabKernel,
    source: &Path,
    package: &Project,
) -> Result<String, String> {
    if let Some(why) = cell.missing(tools) {
        println!("not run: {cell}: {why}");
        return Ok(format!("not run: {why}"));
    }
    let meeting = Meeting::of(cell.peak(), kernel);
    let output = cell.run(tools, kernel, source, package, &meeting);
    let most = meeting.most();
    let output = output.map_err(|error| format!("{most}, FAILED: {error}"))?;
    let arrived = meeting.arrived().len();
    let said = output.out() + &output.err();
    let warned = said.contains("the outer build has a jobserver");
    match () {
        _ if most != cell.peak() => Err(format!("{most}, NOT {}\n{said}", cell.peak())),
        _ if arrived != PARTS => Err(format!("{most}, for {arrived} OBJECTS\n{said}")),
        // Cargo shows a build script's warnings as its own.
        _ if warned != cell.is_dead() => Err(format!("{most}, WARNED {warned}\n{said}")),
        _ if warned => Ok(format!("{most}, with a warning")),
        _ => Ok(most.to_string()),
    }
}
