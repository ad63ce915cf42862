#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| talaria_db_format_tests::fuzz::reduce::run(input));
