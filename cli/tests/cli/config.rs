//! Configuration: which value is in force, from where, and what is refused.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;

use crate::common::{Answer, Folder, answer, built, command, proteins, run};

/// `config show --json` with a file, variables and flags.
fn show(file: Option<&Path>, variables: &[(&str, &str)], flags: &[&str]) -> Value {
    let answer = show_answer(file, variables, flags);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{file:?} {variables:?} {flags:?}");
    answer.json()
}

fn show_answer(file: Option<&Path>, variables: &[(&str, &str)], flags: &[&str]) -> Answer {
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"config", &"show", &"--json"];
    if let Some(file) = &file {
        arguments.extend([&"--config" as &dyn AsRef<OsStr>, file]);
    }
    arguments.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
    answer(command(&arguments).envs(variables.iter().copied()))
}

/// Value and source of a key.
fn of(shown: &Value, key: &str) -> (Value, String) {
    let row = shown["keys"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap();
    (row["value"].clone(), row["source"].as_str().unwrap().to_owned())
}

/// Every key of the example, by its path, with its value as JSON and as it is written.
fn example() -> BTreeMap<String, (Value, String)> {
    let (mut table, mut keys) = (String::new(), BTreeMap::new());
    for line in run(&[&"config", &"example"]).text().lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']').to_owned();
        } else if let Some((name, value)) = line.strip_prefix('#').and_then(|line| line.split_once(" = "))
            && !name.contains(' ')
        {
            // The values of the example are JSON, too.
            keys.insert(format!("{table}.{name}"), (serde_json::from_str(value).unwrap(), value.to_owned()));
        }
    }
    keys
}

#[test]
fn a_key_through_all_places() {
    let folder = Folder::new();
    let file = folder.write("c.toml", "[memory]\nprofile = \"high\"\n");
    let named = folder.write("d.toml", "[memory]\nprofile = \"high\"\nprefetch_distance = 5\n");
    let variable = [("TALARIA_MEMORY_PREFETCH_DISTANCE", "6")];
    let key = "memory.prefetch_distance";
    let distance = |shown: Value| of(&shown, key);
    assert_eq!(distance(show(None, &[], &[])), (8.into(), "default".into()));
    let profile = format!("profile high ({}:2)", file.display());
    assert_eq!(distance(show(Some(&file), &[], &[])), (16.into(), profile));
    assert_eq!(distance(show(Some(&named), &[], &[])), (5.into(), format!("{}:3", named.display())));
    let profile = "profile high (environment TALARIA_PROFILE)".to_owned();
    assert_eq!(distance(show(Some(&named), &[("TALARIA_PROFILE", "high")], &[])), (16.into(), profile));
    let environment = "environment TALARIA_MEMORY_PREFETCH_DISTANCE".to_owned();
    assert_eq!(distance(show(Some(&named), &variable, &[])), (6.into(), environment));
    let profile = "profile high (flag --profile)".to_owned();
    assert_eq!(distance(show(Some(&named), &variable, &["--profile", "high"])), (16.into(), profile));
    let flags = ["--profile", "high", "--prefetch-distance", "7"];
    assert_eq!(distance(show(Some(&named), &variable, &flags)), (7.into(), "flag --prefetch-distance".into()));
    // Another key of the same setting says so, too.
    let shown = show(Some(&named), &variable, &flags);
    assert_eq!(of(&shown, "memory.cache.prefetch_distance"), (7.into(), "flag --prefetch-distance".into()));
}

#[test]
fn which_file() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("talaria-db")).unwrap();
    let usual = folder.write("talaria-db/config.toml", "memory.threads = 2\n");
    let other = folder.write("other.toml", "memory.threads = 3\n");
    let home = folder.path("");
    let threads = |variables: &[(&str, &str)], flags: &[&str]| {
        let home = [("XDG_CONFIG_HOME", home.to_str().unwrap())];
        of(&show(None, &[&home, variables].concat(), flags), "memory.threads")
    };
    assert_eq!(threads(&[], &[]), (2.into(), format!("{}:1", usual.display())));
    assert_eq!(threads(&[], &["--no-config"]), (Value::Null, "default".into()));
    let variable = [("TALARIA_CONFIG", other.to_str().unwrap())];
    assert_eq!(threads(&variable, &[]).0, 3);
    assert_eq!(threads(&variable, &["--config", usual.to_str().unwrap()]).0, 2);
    assert_eq!(threads(&variable, &["--no-config"]).0, Value::Null);
    assert_eq!(threads(&variable, &["--threads", "4"]), (4.into(), "flag --threads".into()));
    let missing = show_answer(Some(&folder.path("missing")), &[], &[]);
    assert!(missing.code == 1 && missing.stderr.contains("missing: cannot read"), "{}", missing.stderr);
}

#[test]
fn every_key_by_file_and_by_environment() {
    let folder = Folder::new();
    let keys = example();
    let shown: Vec<String> = show(None, &[], &[])["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["key"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(shown.len(), keys.len());
    assert!(shown.iter().all(|key| keys.contains_key(key)), "{shown:?}");
    for (key, (default, _)) in &keys {
        let value: Value = match default {
            Value::Bool(on) => (!on).into(),
            Value::Number(number) if number.is_f64() => 0.25.into(),
            // A number that every key of numbers takes.
            Value::Number(number) => {
                if number == &7.into() {
                    6.into()
                } else {
                    7.into()
                }
            }
            Value::String(text) => match (key.rsplit('.').next().unwrap(), text.as_str()) {
                ("profile", _) => "balanced".into(),
                ("algorithm", _) => "zstd".into(),
                ("huge_pages", _) => "1G".into(),
                ("tmp_dir", _) => "/somewhere".into(),
                _ => "3G".into(),
            },
            other => panic!("{other}"),
        };
        // In force only then; it is what it says of itself otherwise.
        let mode = if key.starts_with("memory.low_memory.") && key != "memory.low_memory.enabled" {
            "memory.low_memory.enabled = true\n"
        } else {
            ""
        };
        let file = folder.write("c.toml", format!("{mode}{key} = {value}\n"));
        let source = format!("{}:{}", file.display(), 1 + mode.lines().count());
        assert_eq!(of(&show(Some(&file), &[], &[]), key), (value.clone(), source), "{key}");
        let name = format!("TALARIA_{}", key.replace('.', "_").to_uppercase());
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut variables = vec![(name.as_str(), text.as_str())];
        if !mode.is_empty() {
            variables.push(("TALARIA_MEMORY_LOW_MEMORY_ENABLED", "true"));
        }
        assert_eq!(of(&show(None, &variables, &[]), key), (value, format!("environment {name}")), "{key}");
    }
}

#[test]
fn every_flag() {
    let flags: [(&[&str], &str, Value); 12] = [
        (&["--max-memory", "3G"], "memory.max_memory", "3G".into()),
        (&["--low-memory"], "memory.profile", "low".into()),
        (&["--profile", "balanced"], "memory.profile", "balanced".into()),
        (&["--huge-pages", "2M"], "memory.mapping.huge_pages", "2M".into()),
        (&["--prefetch-distance", "0"], "memory.prefetch_distance", 0.into()),
        (&["--cache-size", "96M"], "memory.cache_size_mb", 96.into()),
        (&["--stream"], "memory.streaming_mode", true.into()),
        (&["--numa", "interleave"], "memory.numa.interleave", true.into()),
        (&["--numa", "bind"], "memory.numa.local_alloc", false.into()),
        (&["--no-mmap"], "memory.mapping.use_memory_mapping", false.into()),
        (&["--tmp-dir", "/x"], "memory.tmp_dir", "/x".into()),
        (&["--max-spill", "1G"], "memory.max_spill", "1G".into()),
    ];
    for (flag, key, value) in flags {
        assert_eq!(of(&show(None, &[], flag), key), (value, format!("flag {}", flag[0])), "{flag:?}");
    }
    for flags in
        [&["--low-memory", "--profile", "high"][..], &["--config", "x", "--no-config"], &["--huge-pages", "4K"]]
    {
        assert_eq!(show_answer(None, &[], flags).code, 2, "{flags:?}");
    }
}

#[test]
fn what_is_refused() {
    let folder = Folder::new();
    let file = folder
        .write("c.toml", "[memory]\nmax_memroy_gb = 4\nthreads = 0\nnuma_aware = true\nnuma.numa_aware = false\n");
    let path = file.display();
    let checked = run(&[&"config", &"check", &file]);
    let expected = format!(
        "talaria-db: {path}:2: memory.max_memroy_gb: unknown key; the nearest is memory.max_memory_gb\n\
         talaria-db: {path}:3: memory.threads: 0 is not a whole number from 1 to 1024\n\
         talaria-db: {path}:5: memory.numa.numa_aware = false, but memory.numa_aware = true ({path}:4) means the same setting\n"
    );
    assert_eq!((checked.code, checked.stderr), (2, expected));
    let (folder, db) = built(">a\nMKV\n");
    for (text, said) in [
        ("memory.max_memory = \"lots\"", "c.toml:1: memory.max_memory: 'lots' is not a number with a unit"),
        ("[memory\n", "c.toml:1: "),
        ("[memory]\nmax_memory = 4", "c.toml:2: memory.max_memory: 4 is not a text such as"),
    ] {
        let file = folder.write("c.toml", text);
        let answer = run(&[&"get", &db, &"a", &"--config", &file]);
        assert_eq!((answer.code, answer.text()), (2, ""));
        assert!(answer.stderr.contains(said) && answer.stderr.lines().count() == 1, "{}", answer.stderr);
    }
    let arguments: [&dyn AsRef<OsStr>; 3] = [&"get", &db, &"a"];
    let wrong = answer(command(&arguments).env("TALARIA_MEMORY_MAX_MEMROY", "4G"));
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("the nearest is TALARIA_MEMORY_MAX_MEMORY"), "{}", wrong.stderr);
    assert_eq!(answer(command(&arguments).env("TALARIA_OTHER", "4G")).code, 0);
    assert_eq!(run(&[&"config", &"check"]).code, 0, "there is none");
}

#[test]
fn the_limit_and_where_it_is_from() {
    let limit = |variables: &[(&str, &str)], flags: &[&str]| {
        let shown = show(None, variables, flags);
        let limit = &shown["limit"];
        (limit["bytes"].as_u64().unwrap(), limit["source"].clone(), limit["of"]["source"].clone())
    };
    let environment = [("TALARIA_MAX_MEMORY", "96M")];
    assert_eq!(limit(&[], &["--max-memory", "1G"]), (1 << 30, "flag --max-memory".into(), Value::Null));
    assert_eq!(limit(&environment, &[]), (96 << 20, "environment TALARIA_MAX_MEMORY".into(), Value::Null));
    let slurm = [("SLURM_MEM_PER_NODE", "100")];
    assert_eq!(limit(&slurm, &[]), (25 << 20, "default".into(), "SLURM_MEM_PER_NODE".into()));
    let slurm_by_cpu = [("SLURM_MEM_PER_CPU", "50"), ("SLURM_CPUS_ON_NODE", "4")];
    assert_eq!(limit(&slurm_by_cpu, &["--max-memory", "50%"]).0, 100 << 20);
    // auto and profiles are never more than the environment says.
    assert_eq!(limit(&environment, &["--max-memory", "auto"]).0, 96 << 20);
    assert_eq!(limit(&environment, &["--low-memory"]).0, 96 << 20);
    let low = limit(&[], &["--low-memory"]);
    assert!(low.0 <= 4 << 30 && low.1 == "profile low (flag --low-memory)", "{low:?}");
    let text = run(&[&"config", &"show", &"--max-memory", &"1G"]);
    assert!(text.text().starts_with("limit: 1.0 GiB (1G), flag --max-memory\n"), "{}", text.text());
    let row = "memory.cache.cache_line_size  ";
    let line = text.text().lines().find(|line| line.starts_with(row)).unwrap();
    assert!(line.contains("no effect: the length of a cache line"), "{line}");
    let line = text.text().lines().find(|line| line.starts_with("memory.low_memory.swap_to_disk")).unwrap();
    assert!(line.contains("no effect: counts only with memory.low_memory.enabled = true"), "{line}");
}

#[test]
fn keys_do_what_they_say() {
    let fasta = proteins(3000);
    let (folder, _) = built(&fasta);
    let input = folder.path("in.fasta");
    let build = |text: &str| {
        let (file, output) = (folder.write("c.toml", text), folder.path("b.talaria"));
        let answer = run(&[&"build", &input, &"-o", &output, &"--config", &file]);
        (answer, std::fs::read(output).unwrap_or_default())
    };
    let (plain, container) = build("");
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    // Whatever is set, the file is the same.
    for text in
        ["memory.profile = \"low\"", "memory.profile = \"high\"", "memory.profile = \"balanced\"", "memory.threads = 3"]
    {
        let (answer, same) = build(text);
        assert!(answer.code == 0 && same == container, "{text}: {}", answer.stderr);
    }
    for text in [
        "memory.max_memory = \"9M\"",
        "memory.max_memory_gb = 0.01",
        "[memory.low_memory]\nenabled = true\nmax_memory_mb = 9",
    ] {
        let (answer, _) = build(text);
        assert!(answer.code == 140 && answer.stderr.contains("too little: build needs"), "{text}: {}", answer.stderr);
    }
    let (answer, _) = build("memory.tmp_dir = \"/nowhere\"\nmemory.max_memory = \"64M\"\n");
    assert_eq!(answer.code, 0, "nothing was spilled: {}", answer.stderr);
}

#[test]
fn what_may_not_spill_is_an_error() {
    let fasta: Vec<u8> = (0..400_000).flat_map(|number| format!(">r{number}\nMKV\n").into_bytes()).collect();
    let folder = Folder::new();
    let (input, output) = (folder.write("in.fasta", fasta), folder.path("out.talaria"));
    let build = |memory: &str, swap: &str, more: &[&'static str]| {
        let arguments: [&dyn AsRef<OsStr>; 7] = [&"build", &input, &"-o", &output, &"-q", &"--max-memory", &memory];
        answer(command(&arguments).env("TALARIA_MEMORY_SWAP_TO_DISK", swap).args(more))
    };
    let forbidden = build("64M", "false", &[]);
    assert_eq!(forbidden.code, 140, "{}", forbidden.stderr);
    assert!(forbidden.stderr.contains("swap_to_disk is off: raise --max-memory"), "{}", forbidden.stderr);
    let more = build("1G", "false", &["--max-spill", "1"]);
    assert_eq!(more.code, 0, "{}", more.stderr);
    let bounded = build("64M", "true", &["--max-spill", "1"]);
    assert_eq!(bounded.code, 6, "{}", bounded.stderr);
    let elsewhere = build("64M", "true", &["--tmp-dir", "/nowhere"]);
    assert!(elsewhere.code != 0 && elsewhere.stderr.contains("/nowhere"), "{}", elsewhere.stderr);
    let allowed = build("64M", "true", &[]);
    assert_eq!(allowed.code, 0, "{}", allowed.stderr);
    assert_eq!(folder.names(), ["in.fasta", "out.talaria"]);
}

#[test]
fn the_manner_of_the_original_program() {
    let (folder, _) = built(">a\nMKV\n>b\nMKV\n");
    let (input, output) = (folder.path("in.fasta"), folder.path("out.fasta"));
    for flags in [&["--low-memory"][..], &["--stream"], &["--max-memory", "4G"]] {
        let arguments: [&dyn AsRef<OsStr>; 6] = [&"reduce", &"-i", &input, &"-o", &output, &"-q"];
        let answer = answer(command(&arguments).args(flags));
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{flags:?}");
        assert_eq!(std::fs::read(&output).unwrap(), b">a\nMKV\n");
        std::fs::remove_file(&output).unwrap();
    }
    assert_eq!(run(&[&"reduce", &input, &"-i", &input, &"-o", &output]).code, 2);
    assert_eq!(run(&[&"reduce", &"-o", &output]).code, 2);
}

#[test]
fn help_is_short_and_long() {
    let (short, long) = (run(&[&"build", &"-h"]), run(&[&"build", &"--help"]));
    let lists = |help: &Answer, flag: &str| help.text().lines().any(|line| line.trim_start().starts_with(flag));
    for flag in ["--max-memory", "--low-memory", "--tmp-dir"] {
        assert!(lists(&short, flag), "{flag}");
    }
    for flag in ["--huge-pages", "--numa", "--prefetch-distance", "--cache-size", "--profile", "--no-config"] {
        assert!(!lists(&short, flag) && lists(&long, flag), "{flag}");
    }
}
