//! No allocation per record on the way of JSON lines, counted by the allocator itself.

#![allow(unsafe_code)] // a counting allocator cannot be written without; it forwards everything to the system's

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use landfall_format::{ChunkBuffer, Scratch, Verdict, accept};

use crate::support::{NOW_MS, plan, record};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more; its allocations do not matter here.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is forwarded unchanged to the system's allocator, which upholds the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread while 10,000 records take their way; a tenth of them pretty-printed.
fn allocations_of(sink: &str) -> u64 {
    let plan = plan(sink, "");
    let mut scratch = Scratch::new(&plan);
    let values: Vec<String> = (0..10_000u64)
        .map(|n| {
            let space = if n % 10 == 0 { "\n  " } else { "" };
            let ts = 1_774_877_654_321 + n * 700;
            format!(
                "{{{space}\"ts\":{ts},\"user\":{{\"id\":\"u\\u0041{}\",\"tags\":[1,2,{{}}]}},\"price\":0.25}}",
                n % 7
            )
        })
        .collect();
    let mut way = |chunk: &mut ChunkBuffer| {
        for (offset, value) in (0..).zip(&values) {
            let record = record(Some(value.as_bytes()), offset);
            assert!(matches!(accept(&plan, &mut scratch, &record, NOW_MS), Verdict::Route { .. }));
            chunk.append(&plan, &mut scratch, &record).unwrap();
        }
    };
    // The first round fills the caches; the buffer's growth is logarithmic and stays in the count.
    way(&mut plan.new_chunk());
    let mut chunk = plan.new_chunk();
    let before = ALLOCATIONS.with(Cell::get);
    way(&mut chunk);
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn the_way_of_a_json_line_does_not_allocate_per_record() {
    let growth = 32;
    for sink in [
        "",
        "  timestamp: {from: field, path: ts, unit: ms}",
        "  key: \"a/{field:user.id}/{timestamp:%Y-%m-%d/%H}/{key}/{unique}.{ext}\"\n  timestamp: {from: field, path: ts}",
        "  envelope: [topic, partition, offset, timestamp, key]",
    ] {
        let allocations = allocations_of(sink);
        assert!(allocations <= growth, "{allocations} allocations for 10,000 records with\n{sink}");
    }
}

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.with(Cell::get);
    drop(std::hint::black_box(Vec::<u8>::with_capacity(10)));
    assert_eq!(ALLOCATIONS.with(Cell::get), before + 1);
}
