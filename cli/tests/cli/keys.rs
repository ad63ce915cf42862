//! What keys change in what the program does, beyond what `config show` says of them.
//!
//! That each key sets its setting is shown by the unit tests of the configuration; here and in the tests that
//! [`OBSERVED`] names, that somebody follows it.

use std::ffi::OsStr;
use std::path::Path;

use crate::common::{Answer, answer, built, command, proteins};

/// Who sees a key at work.
enum By {
    /// A test, by its file in the workspace and its name.
    Test(&'static str, &'static str),
    /// Nobody can: it changes how fast or when something happens, and nothing that a test may wait for.
    Nobody(&'static str),
}

const HERE: &str = "cli/tests/cli/keys.rs";
const CONFIG: &str = "cli/tests/cli/config.rs";
const CACHE: &str = "engine/src/read/cache/tests.rs";
const PLACEMENT: &str = "engine/src/memory/placement.rs";
const GIVEN_BACK: By = By::Nobody("when the allocator gives freed memory back to the system; no answer depends on it");
const FETCHED: By = By::Nobody("a hint to the processor, which changes speed only: benches/benches/prefetch.rs");

/// All keys with an effect.
const OBSERVED: &[(&str, By)] = &[
    ("memory.profile", By::Test(HERE, "files_are_mapped_or_read")),
    ("memory.max_memory", By::Test(CONFIG, "keys_do_what_they_say")),
    ("memory.max_memory_gb", By::Test(CONFIG, "keys_do_what_they_say")),
    ("memory.tmp_dir", By::Test(CONFIG, "what_may_not_spill_is_an_error")),
    ("memory.max_spill", By::Test(CONFIG, "what_may_not_spill_is_an_error")),
    ("memory.threads", By::Test(HERE, "buffers_and_threads_take_memory")),
    ("memory.cache_size_gb", By::Test(HERE, "caches_have_their_size")),
    ("memory.cache_size_mb", By::Test(HERE, "caches_have_their_size")),
    ("memory.prefetch_distance", FETCHED),
    ("memory.use_huge_pages", By::Test(HERE, "files_are_mapped_or_read")),
    ("memory.numa_aware", By::Test(HERE, "placement_is_said_if_asked_for")),
    ("memory.streaming_mode", By::Test(HERE, "files_are_mapped_or_read")),
    ("memory.swap_to_disk", By::Test(CONFIG, "what_may_not_spill_is_an_error")),
    ("memory.compression_enabled", By::Test(CACHE, "the_second_tier_refuses_what_is_not_worth_it")),
    ("memory.compression_threshold_mb", By::Test(CACHE, "the_second_tier_refuses_what_is_not_worth_it")),
    ("memory.adaptive_mode", By::Test("engine/src/memory/manager.rs", "optional_memory_follows_the_pressure")),
    ("memory.gc_threshold", By::Test("engine/src/memory/manager.rs", "a_threshold_of_its_own")),
    ("memory.aggressive_gc", GIVEN_BACK),
    ("memory.mapping.use_memory_mapping", By::Test(HERE, "files_are_mapped_or_read")),
    ("memory.mapping.mmap_threshold_mb", By::Test(HERE, "files_are_mapped_or_read")),
    ("memory.mapping.populate_on_map", By::Test("engine/src/read/mapped.rs", "populating_is_what_it_says")),
    ("memory.mapping.huge_pages", By::Test(HERE, "files_are_mapped_or_read")),
    ("memory.mapping.numa_aware", By::Test(HERE, "placement_is_said_if_asked_for")),
    (
        "memory.streaming.chunk_size",
        By::Test("engine/src/read/export/cut.rs", "units_have_no_more_records_than_a_chunk"),
    ),
    ("memory.streaming.buffer_count", By::Test(HERE, "buffers_and_threads_take_memory")),
    ("memory.streaming.read_ahead", By::Test(HERE, "buffers_and_threads_take_memory")),
    ("memory.streaming.compress_chunks", By::Test(HERE, "buffers_and_threads_take_memory")),
    ("memory.numa.numa_aware", By::Test(HERE, "placement_is_said_if_asked_for")),
    ("memory.numa.numa_nodes", By::Test(PLACEMENT, "workers_go_round_the_nodes_that_have_processors")),
    ("memory.numa.interleave", By::Test(PLACEMENT, "workers_go_round_the_nodes_that_have_processors")),
    ("memory.numa.local_alloc", By::Test(PLACEMENT, "workers_go_round_the_nodes_that_have_processors")),
    ("memory.numa.migration", By::Nobody("moves pages between nodes, of which a machine for tests has one")),
    ("memory.compression.enable_compression", By::Test(CACHE, "the_second_tier_refuses_what_is_not_worth_it")),
    ("memory.compression.algorithm", By::Test("engine/src/memory/compress.rs", "levels_are_those_of_zstandard")),
    ("memory.compression.level", By::Test("engine/src/memory/compress.rs", "levels_are_those_of_zstandard")),
    ("memory.compression.threshold_kb", By::Test(CACHE, "the_second_tier_refuses_what_is_not_worth_it")),
    ("memory.compression.async_compression", By::Test(CACHE, "what_leaves_the_first_tier_is_found_in_the_second")),
    ("memory.low_memory.enabled", By::Test(HERE, "files_are_mapped_or_read")),
    ("memory.low_memory.max_memory_mb", By::Test(CONFIG, "keys_do_what_they_say")),
    ("memory.low_memory.streaming_only", By::Test(HERE, "files_are_mapped_or_read")),
    ("memory.low_memory.disable_cache", By::Test(HERE, "caches_have_their_size")),
    ("memory.low_memory.aggressive_gc", GIVEN_BACK),
    ("memory.low_memory.swap_to_disk", By::Test(HERE, "low_memory_may_forbid_to_spill")),
    ("memory.cache.prefetch_distance", FETCHED),
];

/// A command with a configuration.
fn with(folder: &crate::common::Folder, text: &str, arguments: &[&dyn AsRef<OsStr>]) -> Answer {
    let file = folder.write("keys.toml", text);
    answer(command(arguments).arg("--config").arg(file))
}

#[test]
fn every_key_is_seen_at_work_or_said_not_to_be() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |path: &str| std::fs::read_to_string(workspace.join(path)).unwrap();
    let table = read("cli/src/config/keys.rs");
    let keys: Vec<&str> = table.split("\n    key(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(keys.len() > 40, "the table is written in another way");
    let observed: Vec<&str> = OBSERVED.iter().map(|(key, _)| *key).collect();
    assert_eq!(observed, keys);
    for (key, by) in OBSERVED {
        match by {
            By::Test(file, name) => {
                let there = read(file).contains(&format!("#[test]\nfn {name}()"))
                    || read(file).contains(&format!("#[test]\n    fn {name}()"));
                assert!(there, "{key}: {file} has no test {name}");
            }
            By::Nobody(why) => assert!(!why.is_empty(), "{key}"),
        }
    }
}

#[test]
fn files_are_mapped_or_read() {
    let (folder, db) = built(proteins(200));
    let read = ", the file is read and not mapped";
    for (text, report) in [
        ("", "huge pages: off, "),
        ("memory.mapping.use_memory_mapping = false", read),
        ("memory.mapping.mmap_threshold_mb = 100", read),
        ("memory.streaming_mode = true", read),
        ("memory.profile = \"low\"", read),
        ("memory.low_memory.enabled = true", read),
        ("memory.low_memory.enabled = true\nmemory.low_memory.streaming_only = false", " in memory"),
        ("memory.use_huge_pages = true", "huge pages: thp asked, "),
        ("memory.mapping.huge_pages = \"2M\"", "huge pages: 2M asked, "),
    ] {
        let said = with(&folder, text, &[&"get", &db, &"p7", &"--monitor-memory"]);
        assert!(said.code == 0 && said.text().starts_with(">p7 "), "{text}: {}", said.stderr);
        assert!(said.stderr.contains(report), "{text}: {}", said.stderr);
    }
}

#[test]
fn caches_have_their_size() {
    let (folder, db) = built(proteins(2000));
    let ids: String = (0..1000).chain(0..1000).map(|number| format!("p{number}\n")).collect();
    let ids = folder.write("ids", ids);
    let none = "cache: 0 hits, 0 misses, 0 evicted";
    for (text, kept) in [
        ("", true),
        ("memory.cache_size_mb = 8", true),
        ("memory.cache_size_mb = 0", false),
        ("memory.cache_size_gb = 0", false),
        ("[memory.low_memory]\nenabled = true\ndisable_cache = true", false),
    ] {
        let said = with(&folder, text, &[&"get", &db, &"--file", &ids, &"--monitor-memory"]);
        assert_eq!(said.code, 0, "{text}: {}", said.stderr);
        assert_eq!(!said.stderr.contains(none), kept, "{text}: {}", said.stderr);
    }
}

#[test]
fn buffers_and_threads_take_memory() {
    let (folder, _) = built(">a\nMKV\n");
    let output = folder.path("b.talaria");
    // Of standard input, before anything of it is read.
    let least = |text: &str| {
        let text = format!("memory.max_memory = \"5M\"\nmemory.threads = 2\n{text}");
        let refused = with(&folder, &text, &[&"build", &"-", &"-o", &output]);
        assert_eq!(refused.code, 140, "{text}: {}", refused.stderr);
        let said = refused.stderr.split(" needs at least ").nth(1).unwrap();
        said.split('K').next().unwrap().parse::<u64>().unwrap() << 10
    };
    let usual = least("");
    let chunk = 2 << 20;
    assert_eq!(least("memory.streaming.buffer_count = 5"), usual + 2 * chunk);
    assert_eq!(least("memory.streaming.read_ahead = false"), usual - 2 * chunk);
    // It does with less, but may take more while it compresses.
    assert!(least("memory.streaming.compress_chunks = true") > usual + chunk);
    let threads = |count: u32| {
        let text = format!("memory.max_memory = \"96M\"\nmemory.threads = {count}\n");
        with(&folder, &text, &[&"build", &folder.path("in.fasta"), &"-o", &output, &"-q"])
    };
    assert_eq!(threads(1).code, 0);
    let refused = threads(1000);
    assert!(refused.code == 140 && refused.stderr.contains("build needs at least"), "{}", refused.stderr);
}

#[test]
fn placement_is_said_if_asked_for() {
    let (folder, db) = built(proteins(20));
    let (input, output) = (folder.path("in.fasta"), folder.path("b.talaria"));
    for (text, asked) in [
        ("", false),
        ("memory.numa_aware = true", true),
        ("memory.mapping.numa_aware = true", true),
        ("memory.numa.numa_aware = true", true),
    ] {
        for arguments in [[&"build" as &dyn AsRef<OsStr>, &input, &"-o", &output], [&"reduce", &db, &"-o", &output]] {
            let said = with(&folder, text, &arguments);
            assert_eq!(said.code, 0, "{text}: {}", said.stderr);
            assert_eq!(
                said.stderr.contains("\nnodes: ") || said.stderr.contains(": nodes: "),
                asked,
                "{}",
                said.stderr
            );
        }
    }
}

#[test]
fn low_memory_may_forbid_to_spill() {
    let fasta: Vec<u8> = (0..400_000).flat_map(|number| format!(">r{number}\nMKV\n").into_bytes()).collect();
    let folder = crate::common::Folder::new();
    let (input, output) = (folder.write("in.fasta", fasta), folder.path("out.talaria"));
    let table = "[memory.low_memory]\nenabled = true\nmax_memory_mb = 64\nswap_to_disk = false\n";
    let refused = with(&folder, table, &[&"build", &input, &"-o", &output, &"-q"]);
    assert!(refused.code == 140 && refused.stderr.contains("swap_to_disk is off"), "{}", refused.stderr);
}
